//! One message through a route, step by step: what each step changed, what it decided and why, how long it took, and
//! where in the files it failed.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use anstyle::AnsiColor;

use super::bench::{self, Observed};
use super::case::Case;
use super::diff::{self, Difference};
use super::emit::lines_of_xml;
use super::endpoints::Endpoints;
use super::model::Ending;
use super::onlooker::{Event, identity};
use super::report::paint;
use crate::format::{json, xml};
use crate::message::{Failure, Field, Limits, Message, Text, header_names};
use crate::route::plan::Placed;
use crate::route::retry::spell;
use crate::route::{Plan, variables};

/// The longest document that is shown whole, in lines.
const LINES: usize = 60;

/// A traced message.
#[derive(Debug)]
pub struct Trace {
    /// How it ended.
    pub ending: Ending,
    /// For people.
    pub text: String,
}

/// Brings a case's message through the route and tells its way. Only the first run is told step by step.
pub fn trace(plan: &Plan, case: &Arc<Case>, colours: bool) -> Trace {
    let (observed, events) = bench::record(plan, case);
    let mut teller =
        Teller { plan, colours, out: String::new(), depth: 0, before: Vec::new(), branches: branches(plan) };
    // Writing to a string does not fail.
    let _ = teller.all(case, &observed, &events);
    Trace { ending: observed.journey.ending, text: teller.out }
}

/// The name of each branch by its identity.
fn branches(plan: &Plan) -> HashMap<usize, String> {
    let steps = plan.all_steps().into_iter();
    let owned = steps.flat_map(|placed| placed.step.describe().branches);
    owned.map(|(name, branch)| (identity(branch), name)).collect()
}

struct Teller<'a> {
    plan: &'a Plan,
    colours: bool,
    out: String,
    depth: usize,
    /// The message as it came to each open step.
    before: Vec<Message>,
    branches: HashMap<usize, String>,
}

impl Teller<'_> {
    fn line(&mut self, text: &str) -> fmt::Result {
        writeln!(self.out, "{}{text}", "    ".repeat(self.depth))
    }

    fn coloured(&mut self, colour: AnsiColor, text: &str) -> fmt::Result {
        let text = paint(text, colour, self.colours);
        self.line(&text)
    }

    fn all(&mut self, case: &Case, observed: &Observed, events: &[Event]) -> fmt::Result {
        let plan = self.plan;
        writeln!(self.out, "route {} ({})", plan.name(), plan.file().path)?;
        let message = &case.delivery.message;
        let kind = message.properties.content_type.as_deref().unwrap_or("no content type");
        writeln!(self.out, "message of {} bytes, {kind}", message.body.len())?;
        self.document(message)?;
        let mut runs = 0;
        for event in events {
            runs += usize::from(matches!(event, Event::Enters(steps) if *steps == identity(plan.steps())));
            if runs > 1 {
                break;
            }
            self.event(event)?;
        }
        (self.depth, self.before) = (0, Vec::new());
        self.end(observed)
    }

    fn event(&mut self, event: &Event) -> fmt::Result {
        match event {
            Event::Enters(steps) => match self.branches.get(steps).cloned() {
                Some(name) => self.coloured(AnsiColor::Cyan, &format!("takes {name}")),
                None => Ok(()),
            },
            Event::Begins(id, message) => {
                let text = self.placed(id).map(|placed| placed.step.describe().text).unwrap_or_default();
                let name = paint(&format!("[{id}]"), AnsiColor::Blue, self.colours);
                writeln!(self.out)?;
                self.line(&format!("{name} {text}"))?;
                self.depth += 1;
                self.before.push(message.clone());
                Ok(())
            }
            Event::Evaluates(expression, value) => self.line(&format!("{expression} gives {}", json::compact(value))),
            Event::Ends(_, message, failure, took) => {
                if let Some(before) = self.before.pop() {
                    self.changes(&before, message)?;
                }
                if let Some(failure) = failure {
                    self.failed(failure)?;
                }
                self.line(&format!("took {}", in_milliseconds(*took)))?;
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
        }
    }

    fn placed(&self, id: &Text) -> Option<&Placed> {
        self.plan.all_steps().into_iter().find(|placed| placed.id == *id)
    }

    /// What a step made of a message.
    fn changes(&mut self, before: &Message, after: &Message) -> fmt::Result {
        let headers = diff::json(&variables::headers(&before.headers), &variables::headers(&after.headers));
        let properties =
            diff::json(&variables::properties(&before.properties), &variables::properties(&after.properties));
        for (what, differences) in [("header", headers), ("property", properties)] {
            for difference in differences {
                self.difference(&format!("{what} {}", difference.path.trim_start_matches('/')), &difference)?;
            }
        }
        if before.body == after.body {
            return Ok(());
        }
        let Some(differences) = differences(before, after, self.plan.limits()) else { return self.document(after) };
        for difference in differences {
            self.difference(&difference.path, &difference)?;
        }
        Ok(())
    }

    fn difference(&mut self, name: &str, difference: &Difference) -> fmt::Result {
        self.line(if name.is_empty() { "the document" } else { name })?;
        if let Some(gone) = &difference.expected {
            self.coloured(AnsiColor::Red, &format!("  - {gone}"))?;
        }
        if let Some(new) = &difference.found {
            self.coloured(AnsiColor::Green, &format!("  + {new}"))?;
        }
        Ok(())
    }

    fn document(&mut self, message: &Message) -> fmt::Result {
        let text = shown(message, self.plan.limits());
        let count = text.lines().count();
        for line in text.lines().take(LINES) {
            self.line(&format!("  {line}"))?;
        }
        if count > LINES {
            self.line(&format!("  … and {} lines more", count - LINES))?;
        }
        Ok(())
    }

    fn failed(&mut self, failure: &Failure) -> fmt::Result {
        self.coloured(AnsiColor::Red, &failure.to_string())?;
        for violation in failure.violations.iter().flat_map(|violations| violations.iter()) {
            let schema = violation.schema_location.as_ref().map(|at| format!(" (see {at})")).unwrap_or_default();
            self.line(&format!("  {violation}{schema}"))?;
        }
        Ok(())
    }

    fn end(&mut self, observed: &Observed) -> fmt::Result {
        let journey = &observed.journey;
        let endpoints = Endpoints::of(self.plan);
        writeln!(self.out)?;
        if let Some(failure) = &journey.failure {
            self.failed(failure)?;
            let step = failure.step.as_deref().map(Text::from);
            if let Some(placed) = step.and_then(|id| self.placed(&id)) {
                let file = self.plan.file();
                let (line, column) = file.line_column(placed.span.start);
                let place = format!("at {}:{line}:{column}", file.path);
                self.line(&place)?;
            }
        }
        for stranger in &observed.seen.strangers {
            self.line(&format!("give the answer of `{stranger}` with `--participant {stranger}=FILE`"))?;
        }
        for (to, message) in &observed.seen.taken {
            let name = endpoints.at(to, None).map(|role| role.name.clone()).unwrap_or_default();
            self.line(&format!("sent by {name} to {}", address(&to.exchange, &to.routing_key)))?;
            self.document(message)?;
        }
        for reply in &observed.seen.replies {
            let error = reply.headers.get(header_names::ERROR).and_then(Field::as_str);
            match error {
                Some(error) => self.line(&format!("told the sender: {error}"))?,
                None => self.line("answered the sender")?,
            }
            self.document(reply)?;
        }
        let attempts = match journey.attempts {
            1 => "after 1 attempt".to_owned(),
            many => format!("after {many} attempts over {}", spell(journey.delays.iter().sum())),
        };
        let colour = match journey.ending {
            Ending::Delivered => AnsiColor::Green,
            Ending::Filtered | Ending::Duplicate | Ending::Gathered | Ending::Buffered => AnsiColor::Yellow,
            Ending::DeadLettered | Ending::Kept => AnsiColor::Red,
        };
        self.coloured(colour, &format!("{} {attempts}", journey.ending.name()))
    }
}

fn address(exchange: &str, routing_key: &str) -> String {
    match exchange {
        "" => format!("queue {routing_key}"),
        exchange => format!("exchange {exchange}, routing key {routing_key}"),
    }
}

/// What two documents of one kind differ in; `None` if they are of two kinds.
fn differences(before: &Message, after: &Message, limits: &Limits) -> Option<Vec<Difference>> {
    let differences = match (json::read(&before.body, limits), json::read(&after.body, limits)) {
        (Ok(before), Ok(after)) => diff::json(&before, &after),
        _ => diff::xml(&xml::read(&before.body, limits).ok()?, &xml::read(&after.body, limits).ok()?),
    };
    let is_other = differences.iter().any(|one| matches!(one.path.as_str(), "" | "/"));
    (!is_other).then_some(differences)
}

/// A document as people read it.
fn shown(message: &Message, limits: &Limits) -> String {
    if let Ok(value) = json::read(&message.body, limits) {
        return json::pretty(&value);
    }
    let text = String::from_utf8_lossy(&message.body);
    if xml::read(&message.body, limits).is_ok() { lines_of_xml(&text) } else { text.into_owned() }
}

fn in_milliseconds(took: Duration) -> String {
    format!("{}.{:03}ms", took.as_millis(), took.subsec_micros() % 1_000)
}
