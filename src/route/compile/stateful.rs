//! What steps that keep something in the store ask of their route.

use std::ops::Range;
use std::time::Duration;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::settings::parse_duration;

use super::Compiler;

const DEFAULT_KEEP: Duration = Duration::from_secs(24 * 3600);
const SHORTEST_KEEP: Duration = Duration::from_secs(1);
const LONGEST_KEEP: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is known so far of the steps of a route that keep something.
#[derive(Debug, Default)]
pub(super) struct Stateful {
    /// Whether the step stands in a branch of another one.
    pub(super) nested: bool,
    loads: bool,
    gathers: bool,
}

impl Compiler<'_> {
    /// Notes that a step needs the store.
    pub fn stores(&mut self, span: &Range<usize>) {
        if !self.library.store {
            let message = "this step needs a store, and the settings have none";
            let hint = "add `store: { path: state/keys.redb }` to `trunkline.yaml`";
            self.error(codes::STORE_MISSING, span, message, hint);
        }
    }

    /// How long something is kept in the store: a day, or as written, from a second to a year.
    pub fn keep(&mut self, written: Option<&Spanned<String>>) -> Option<Duration> {
        let Some(written) = written else { return Some(DEFAULT_KEEP) };
        let keep = parse_duration(&written.value).filter(|keep| (SHORTEST_KEEP..=LONGEST_KEEP).contains(keep));
        if keep.is_none() {
            let message = format!("`{}` is not a time to keep something for", written.value);
            self.report(
                Diagnostic::error(codes::VALUE_INVALID, self.file, written.span.clone(), message)
                    .label("expected a duration from 1s to 8760h")
                    .hint("write digits and a unit, as `30m`, `24h` or `168h`"),
            );
        }
        keep
    }

    /// Notes that a step remembers keys of processed messages.
    pub fn remembers(&mut self, span: &Range<usize>) {
        self.stores(span);
        if let Some(pattern) = self.part {
            let message = format!("`idempotent` cannot stand among the steps of `{pattern}`: a message has one key");
            self.error(codes::STEP_SHAPE, span, message, "put `idempotent` before it, into the route's own steps");
        }
        if self.remembers.replace(span.clone()).is_some() {
            let hint = "write one `idempotent`, with a key that says all, as `\"\\(.shop)/\\(.id)\"`";
            self.error(codes::STEP_SHAPE, span, "a route remembers the keys of one step only", hint);
        }
    }

    /// Notes that a step loads a state.
    pub fn loads_state(&mut self, span: &Range<usize>) {
        self.whole_message(span, "state");
        if std::mem::replace(&mut self.stateful.loads, true) {
            let hint = "load one state, with all that the route has to know in it";
            self.error(codes::STEP_SHAPE, span, "a route loads one state", hint);
        }
    }

    /// Notes that a step saves the state that was loaded.
    pub fn saves_state(&mut self, span: &Range<usize>) {
        self.whole_message(span, "state");
        if !self.stateful.loads {
            let hint = "put `state: { load: chat, key: .session }` before it";
            self.error(codes::STEP_SHAPE, span, "no state is loaded that could be saved", hint);
        }
    }

    /// Notes that a step gathers messages.
    pub fn gathers(&mut self, span: &Range<usize>) {
        self.stateful.gathers = true;
        // What goes on is another message, which has loaded nothing yet.
        self.stateful.loads = false;
        if self.stateful.nested {
            let message = "`aggregate` stands in a branch, where its groups could not go on";
            self.error(codes::STEP_SHAPE, span, message, "put it behind the branches, or into a route of its own");
        }
    }

    /// Reports a step that is about the message as a whole, where there are several of it.
    fn whole_message(&mut self, span: &Range<usize>, step: &str) {
        if let Some(pattern) = self.part {
            let message =
                format!("`{step}` cannot stand among the steps of `{pattern}`: it is about the whole message");
            self.error(codes::STEP_SHAPE, span, message, "put it before or behind, into the route's own steps");
        }
    }

    /// A step starts timers that wait so long.
    pub fn starts_timers(&mut self, delay: Duration) {
        self.timers.push(delay);
    }

    pub(super) fn answers_for_a_group(&mut self, reply: &Range<usize>) {
        if self.stateful.gathers {
            let message = "the messages of a group have many senders, of whom none can be answered";
            self.error(codes::REPLY_MISPLACED, reply, message, "send what is made of the group with `to`");
        }
    }
}
