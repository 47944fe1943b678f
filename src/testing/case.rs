//! From a test file to cases: every name resolved against the route's plan, every mistake with its place.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::endpoints::{Endpoints, REPLY, Role};
use super::json::{self, Json};
use super::message::{ReadFile, Reader, Template};
use super::model::{self, Ending, Fail, OneOrMany, OrNone};
use crate::diagnostic::yaml::{self, Spanned};
use crate::diagnostic::{Diagnostic, SourceFile, codes, did_you_mean};
use crate::endpoint::settings::parse_duration;
use crate::endpoint::store::Name;
use crate::endpoint::{Address, Delivery, Tag};
use crate::message::{Message, Text, Value};
use crate::route::Plan;
use crate::route::conversation::space;

/// Where answers go if a case names no address.
const REPLY_TO: &str = "test.reply";

/// The cases of one file, for one route.
#[derive(Debug)]
pub struct Cases {
    /// The test file.
    pub file: SourceFile,
    /// The route.
    pub plan: Arc<Plan>,
    /// In the order of the file.
    pub cases: Vec<Arc<Case>>,
}

/// A case that can run.
#[derive(Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Where its name stands.
    pub span: Range<usize>,
    /// Where the case stands.
    pub whole: Range<usize>,
    /// The documents that come or are answers.
    pub sent_files: Vec<String>,
    /// The messages that the route has processed before.
    pub before: Vec<Delivery>,
    /// What is in the store before.
    pub state: Vec<(Name, Value)>,
    /// The message that comes.
    pub delivery: Delivery,
    /// How long the clock goes on after it.
    pub wait: Duration,
    /// When it comes.
    pub at: SystemTime,
    /// What the participants do.
    pub parts: Vec<Part>,
    /// What is expected.
    pub expect: Option<Expect>,
}

/// What one participant does.
#[derive(Debug)]
pub struct Part {
    /// Which messages are for it.
    pub role: Role,
    /// Where it stands.
    pub span: Range<usize>,
    /// What it does with one message after the other; the last one stays.
    pub turns: Vec<Turn>,
}

/// What a participant does with one message.
#[derive(Debug)]
pub struct Turn {
    /// Where it stands.
    pub span: Range<usize>,
    /// What it must get.
    pub expect: Option<Template>,
    /// What it does.
    pub act: Act,
}

/// What a participant does.
#[derive(Debug)]
pub enum Act {
    /// It takes the message.
    Take,
    /// It answers.
    Reply(Box<Message>),
    /// It fails.
    Fail(Fail),
}

/// What each of some endpoints has taken, in order.
pub type Sent = Vec<(Role, Spanned<Vec<Template>>)>;

/// What is expected of a case.
#[derive(Debug)]
pub struct Expect {
    /// Where it stands.
    pub span: Range<usize>,
    /// How it ends.
    pub outcome: Spanned<Ending>,
    /// The answer; `None` within if there must be none.
    pub reply: Option<Spanned<Option<Template>>>,
    /// Why it failed: the key, and what is written.
    pub failure: Vec<(&'static str, Spanned<String>)>,
    /// How often the route was run.
    pub attempts: Option<Spanned<u32>>,
    /// How long it waited each time.
    pub delays: Option<Spanned<Vec<Duration>>>,
    /// The dead letter.
    pub dead_letter: Option<Template>,
    /// What endpoints have taken.
    pub sent: Option<Spanned<Sent>>,
    /// What is in the store in the end.
    pub state: Vec<Spanned<(Name, Value)>>,
    /// The lines of the log.
    pub log: Option<Spanned<Vec<String>>>,
}

/// Reads a test file against the plan of its route.
///
/// # Errors
/// Everything that is wrong in it.
pub fn compile(file: &SourceFile, plan: &Arc<Plan>, read: &ReadFile<'_>) -> Result<Cases, Vec<Diagnostic>> {
    let written: Vec<Spanned<model::Case>> = yaml::parse(file)?;
    let reader = Reader { file, read, limits: plan.limits(), wrong: Vec::new(), sent_files: Vec::new() };
    let mut compiler = Compiler { plan, endpoints: Endpoints::of(plan), reader };
    let cases: Vec<Arc<Case>> = written.iter().map(|case| Arc::new(compiler.case(case))).collect();
    let mut names: BTreeMap<&str, &Case> = BTreeMap::new();
    for case in &cases {
        if names.insert(&case.name, case).is_some() {
            let message = format!("two cases are called `{}`", case.name);
            compiler.reader.error(
                codes::VALUE_INVALID,
                &case.span,
                message,
                "give each case of a file a name of its own",
            );
        }
    }
    if compiler.reader.wrong.is_empty() {
        Ok(Cases { file: file.clone(), plan: Arc::clone(plan), cases })
    } else {
        Err(compiler.reader.wrong)
    }
}

struct Compiler<'a> {
    plan: &'a Plan,
    endpoints: Endpoints,
    reader: Reader<'a>,
}

impl Compiler<'_> {
    fn case(&mut self, whole: &Spanned<model::Case>) -> Case {
        let written = &whole.value;
        let default = model::Arrives::default();
        let arrives = written.arrives.as_ref().unwrap_or(&default);
        let before = written.before.iter().map(|message| self.delivery(message, &default)).collect();
        let delivery = self.delivery(&written.send, arrives);
        let parts = written.participants.0.iter().filter_map(|(name, script)| self.part(name, script)).collect();
        Case {
            name: written.name.value.clone(),
            span: written.name.span.clone(),
            whole: whole.span.clone(),
            before,
            state: self.state(&written.state).into_iter().map(|state| state.value).collect(),
            delivery,
            wait: written.wait.as_ref().map_or(Duration::ZERO, |wait| self.duration(wait)),
            at: self.time(arrives.at.as_ref()),
            parts,
            sent_files: std::mem::take(&mut self.reader.sent_files),
            expect: written.expect.as_ref().map(|expect| self.expect(expect)),
        }
    }

    fn time(&mut self, written: Option<&Spanned<String>>) -> SystemTime {
        let Some(at) = written else { return SystemTime::UNIX_EPOCH };
        let read = at.value.parse::<jiff::Timestamp>().ok().map(SystemTime::from);
        read.filter(|time| *time >= SystemTime::UNIX_EPOCH).unwrap_or_else(|| {
            let message = format!("`{}` is not a time since 1970", at.value);
            self.reader.error(codes::VALUE_INVALID, &at.span, message, "write it as `2026-01-31T12:00:00Z`");
            SystemTime::UNIX_EPOCH
        })
    }

    fn delivery(&mut self, written: &Spanned<model::Message>, arrives: &model::Arrives) -> Delivery {
        let template = self.reader.sent(&written.value, &written.span);
        let mut message = self.reader.message(&template, &written.value);
        let given = |name: &str| template.properties.as_ref().is_some_and(|(value, _)| value.get(name).is_some());
        if self.plan.reply().is_some() && !given("reply_to") {
            message.properties.reply_to = Some(Text::from(REPLY_TO));
        }
        let exchange = Text::from(arrives.exchange.as_deref().unwrap_or_default());
        let routing_key = arrives.routing_key.as_deref().map_or_else(|| self.plan.queue().clone(), Text::from);
        Delivery { tag: Tag(1), redelivered: false, address: Address { exchange, routing_key }, message }
    }

    fn role(&mut self, name: &Spanned<String>) -> Option<Role> {
        let role = self.endpoints.role(&name.value);
        if role.is_none() {
            let names = self.endpoints.names();
            let hint = match did_you_mean(&name.value, names.iter().map(String::as_str)) {
                Some(similar) => format!("write `{similar}`"),
                None if names.is_empty() => "the route sends nothing and calls nobody".to_owned(),
                None => format!("the route sends to or calls {}", names.join(", ")),
            };
            let message = format!("`{}` is no step that sends or calls, and no endpoint of the route", name.value);
            self.reader.error(codes::TEST_PARTICIPANT, &name.span, message, hint);
        }
        role
    }

    fn part(&mut self, name: &Spanned<String>, script: &Spanned<OneOrMany<model::Answer>>) -> Option<Part> {
        let role = self.role(name)?;
        let turns: Vec<Turn> = match &script.value {
            OneOrMany::One(answer) => vec![self.turn(&role, answer, &script.span)],
            OneOrMany::Many(answers) => answers.iter().map(|one| self.turn(&role, &one.value, &one.span)).collect(),
        };
        if turns.is_empty() {
            let message = format!("nothing is said of `{}`", name.value);
            self.reader.error(codes::VALUE_INVALID, &script.span, message, "write `{ reply: … }` or `{ fail: … }`");
        }
        Some(Part { role, span: name.span.clone(), turns })
    }

    fn turn(&mut self, role: &Role, written: &model::Answer, span: &Range<usize>) -> Turn {
        let expect = written.expect.as_ref().map(|message| self.reader.expected(&message.value, &message.span));
        let act = match (&written.reply, &written.fail) {
            (Some(_), Some(fail)) => {
                let message = "a participant answers or fails, not both".to_owned();
                self.reader.error(codes::VALUE_INVALID, &fail.span, message, "keep `reply` or `fail`");
                Act::Take
            }
            (Some(reply), None) if !role.calls => {
                let message = format!("`{}` is not called, so nobody waits for its answer", role.name);
                self.reader.error(codes::TEST_PARTICIPANT, &reply.span, message, "remove `reply`");
                Act::Take
            }
            (Some(reply), None) => {
                let template = self.reader.sent(&reply.value, &reply.span);
                Act::Reply(Box::new(self.reader.message(&template, &reply.value)))
            }
            (None, Some(fail)) if fail.value == Fail::Timeout && !role.calls => {
                let message = format!("`{}` is not called, so it cannot be late", role.name);
                self.reader.error(
                    codes::TEST_PARTICIPANT,
                    &fail.span,
                    message,
                    "write `nack`, `unroutable` or `connection`",
                );
                Act::Take
            }
            (None, Some(fail)) => Act::Fail(fail.value),
            (None, None) if role.calls => {
                let message = format!("`{}` is called, and gives no answer here", role.name);
                self.reader.error(codes::TEST_PARTICIPANT, span, message, "add `reply: …`, or `fail: timeout`");
                Act::Take
            }
            (None, None) => Act::Take,
        };
        Turn { span: span.clone(), expect, act }
    }

    fn expect(&mut self, written: &Spanned<model::Expect>) -> Expect {
        let model::Expect { outcome, reply, failure, attempts, delays, dead_letter, sent, state, log } = &written.value;
        let delivered = || Spanned { value: Ending::Delivered, span: written.span.clone() };
        let reply = reply.as_ref().map(|reply| {
            let value = match &reply.value {
                OrNone::None => None,
                OrNone::Some(message) => Some(self.reader.expected(message, &reply.span)),
            };
            Spanned { value, span: reply.span.clone() }
        });
        let dead_letter = dead_letter.as_ref().map(|letter| self.reader.expected(&letter.value, &letter.span));
        let sent = sent.as_ref().map(|sent| {
            let value = sent.value.0.iter().filter_map(|(name, messages)| {
                let role = self.role(name)?;
                let value = match &messages.value {
                    OneOrMany::One(message) => vec![self.reader.expected(message, &messages.span)],
                    OneOrMany::Many(all) => {
                        all.iter().map(|message| self.reader.expected(&message.value, &message.span)).collect()
                    }
                };
                Some((role, Spanned { value, span: messages.span.clone() }))
            });
            Spanned { value: value.collect(), span: sent.span.clone() }
        });
        Expect {
            span: written.span.clone(),
            outcome: outcome.clone().unwrap_or_else(delivered),
            reply,
            failure: failure.as_ref().map(|failure| self.failure(&failure.value)).unwrap_or_default(),
            attempts: attempts.clone(),
            delays: delays.as_ref().map(|delays| self.delays(delays)),
            dead_letter,
            sent,
            state: state.as_ref().map(|state| self.state(&state.value)).unwrap_or_default(),
            log: log.as_ref().map(|lines| Spanned {
                value: lines.value.iter().map(|line| line.value.clone()).collect(),
                span: lines.span.clone(),
            }),
        }
    }

    fn failure(&mut self, written: &model::Failure) -> Vec<(&'static str, Spanned<String>)> {
        let model::Failure { class, stage, kind, step, path, reason } = written;
        if let Some(step) = step
            && step.value != REPLY
            && !self.endpoints.has_step(&step.value)
        {
            let names = self.endpoints.steps();
            let hint = match did_you_mean(&step.value, names.iter().copied()) {
                Some(similar) => format!("write `{similar}`"),
                None => format!("the steps are {}", names.join(", ")),
            };
            self.reader.error(codes::TEST_PARTICIPANT, &step.span, format!("no step `{}`", step.value), hint);
        }
        let all =
            [("class", class), ("stage", stage), ("type", kind), ("step", step), ("path", path), ("reason", reason)];
        all.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect()
    }

    fn delays(&mut self, written: &Spanned<Vec<Spanned<String>>>) -> Spanned<Vec<Duration>> {
        let value = written.value.iter().map(|delay| self.duration(delay));
        Spanned { value: value.collect(), span: written.span.clone() }
    }

    fn duration(&mut self, written: &Spanned<String>) -> Duration {
        parse_duration(&written.value).unwrap_or_else(|| {
            let message = format!("`{}` is not a duration", written.value);
            let hint = "write digits and a unit, as `5s` or `2m`";
            self.reader.error(codes::VALUE_INVALID, &written.span, message, hint);
            Duration::ZERO
        })
    }

    fn state(&mut self, written: &model::Named<model::Named<Json>>) -> Vec<Spanned<(Name, Value)>> {
        let mut all = Vec::new();
        for (state, keys) in &written.0 {
            for (key, value) in &keys.value.0 {
                let name = Name { space: space(&state.value), key: Text::from(key.value.as_str()) };
                match json::value(self.reader.file, value) {
                    Ok(read) => all.push(Spanned { value: (name, read), span: value.span.clone() }),
                    Err(wrong) => self.reader.wrong.push(wrong),
                }
            }
        }
        all
    }
}
