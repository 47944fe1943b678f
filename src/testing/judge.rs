//! What a case expects against what it has shown.

use std::ops::Range;
use std::time::Duration;

use super::bench::Observed;
use super::case::{Case, Expect};
use super::diff::{self, Difference};
use super::endpoints::{Endpoints, Role};
use super::message::{Body, Form, Template};
use crate::diagnostic::yaml::Spanned;
use crate::endpoint::Address;
use crate::format::{json, xml};
use crate::message::{Failure, Field, Limits, Message, Text, Value, header_names};
use crate::route::conversation::state_of;
use crate::route::retry::spell;
use crate::route::{Plan, variables};

/// Something that is not as expected.
#[derive(Debug)]
pub struct Mismatch {
    /// What, as `expect.reply.json`.
    pub what: String,
    /// Where the expectation stands in the test file.
    pub span: Range<usize>,
    /// How the two differ.
    pub differences: Vec<Difference>,
    /// What would make it right.
    pub fix: Option<Fix>,
}

/// What to write, so that the expectation is what was shown.
#[derive(Debug)]
pub enum Fix {
    /// A value in the test file.
    Value(Value),
    /// XML or other text in the test file.
    Text(String),
    /// A duration or word in the test file, which needs no quotes.
    Plain(String),
    /// A file of the project.
    File(String, Vec<u8>),
    /// A key with its word, which is not there yet.
    Key(&'static str, String),
    /// The whole expectation, which is not there yet.
    Expect(Vec<(String, Value)>),
}

/// Everything of a case that is not as expected.
pub fn judge(plan: &Plan, case: &Case, observed: &Observed) -> Vec<Mismatch> {
    let mut judge = Judge { limits: plan.limits(), all: Vec::new() };
    judge.participants(case, observed);
    if let Some(expect) = &case.expect {
        judge.journey(expect, observed);
        judge.messages(expect, observed, &Endpoints::of(plan));
    } else {
        let fix = Some(Fix::Expect(proposal(observed, &Endpoints::of(plan), plan.limits())));
        judge.differs("expect", &case.span, "an expectation; `--update` writes it", None, fix);
    }
    judge.all
}

fn mismatch(what: impl Into<String>, span: &Range<usize>) -> Mismatch {
    Mismatch { what: what.into(), span: span.clone(), differences: Vec::new(), fix: None }
}

struct Judge<'a> {
    limits: &'a Limits,
    all: Vec<Mismatch>,
}

impl Judge<'_> {
    fn differs(&mut self, what: &str, span: &Range<usize>, expected: &str, found: Option<&str>, fix: Option<Fix>) {
        let differences = vec![Difference::new("", Some(expected), found)];
        self.all.push(Mismatch { differences, fix, ..mismatch(what, span) });
    }

    fn participants(&mut self, case: &Case, observed: &Observed) {
        for name in &observed.seen.strangers {
            let expected = format!("a participant `{name}`, with what it answers");
            self.differs("participants", &case.span, &expected, Some("none, and it was called"), None);
        }
        for (part, asked) in case.parts.iter().zip(&observed.seen.turns) {
            if *asked < part.turns.len() {
                let what = format!("participants.{}", part.role.name);
                let (expected, found) = (count(part.turns.len()), count(*asked));
                self.differs(&what, &part.span, &expected, Some(&found), None);
            }
        }
        for (part, turn, message) in &observed.seen.got {
            let Some(part) = case.parts.get(*part) else { continue };
            if let Some(expected) = part.turns.get(*turn).and_then(|turn| turn.expect.as_ref()) {
                self.message(&format!("participants.{}.expect", part.role.name), expected, message);
            }
        }
    }

    fn journey(&mut self, expect: &Expect, observed: &Observed) {
        let journey = &observed.journey;
        let Spanned { value: expected, span } = &expect.outcome;
        if *expected != journey.ending {
            let mut found = journey.ending.name().to_owned();
            if let Some(failure) = &journey.failure {
                found = format!("{found}: {failure}");
            }
            let name = journey.ending.name().to_owned();
            let fix = if *span == expect.span { Fix::Key("outcome", name) } else { Fix::Plain(name) };
            self.differs("expect.outcome", span, expected.name(), Some(&found), Some(fix));
        }
        for (key, expected) in &expect.failure {
            self.failure(key, expected, journey.failure.as_ref());
        }
        if let Some(attempts) = &expect.attempts
            && attempts.value != journey.attempts
        {
            let (expected, found) = (attempts.value.to_string(), journey.attempts.to_string());
            let fix = Fix::Plain(found.clone());
            self.differs("expect.attempts", &attempts.span, &expected, Some(&found), Some(fix));
        }
        if let Some(delays) = &expect.delays
            && delays.value != journey.delays
        {
            let (expected, found) = (spelled(&delays.value), spelled(&journey.delays));
            let fix = Fix::Plain(found.clone());
            self.differs("expect.delays", &delays.span, &expected, Some(&found), Some(fix));
        }
        for Spanned { value: (name, expected), span } in &expect.state {
            let found = observed.state.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
            let found = found.unwrap_or_default();
            let differences = diff::json(expected, &found);
            if !differences.is_empty() {
                let (state, key) = state_of(name).unwrap_or_default();
                let what = format!("expect.state.{state}.{key}");
                self.all.push(Mismatch { differences, fix: Some(Fix::Value(found)), ..mismatch(what, span) });
            }
        }
        if let Some(log) = &expect.log
            && log.value != observed.log
        {
            let list = |lines: &[String]| lines.iter().map(|line| Value::from(line.as_str())).collect::<Value>();
            let (expected, found) = (list(&log.value), list(&observed.log));
            let differences = diff::json(&expected, &found);
            self.all.push(Mismatch { differences, fix: Some(Fix::Value(found)), ..mismatch("expect.log", &log.span) });
        }
    }

    fn failure(&mut self, key: &str, expected: &Spanned<String>, failure: Option<&Failure>) {
        let found = failure.and_then(|failure| match key {
            "class" => Some(failure.class.name()),
            "stage" => Some(failure.stage.name()),
            "type" => Some(failure.kind.name()),
            "step" => failure.step.as_deref(),
            "path" => failure.path.as_deref(),
            _ => Some(failure.reason.as_str()),
        });
        let is_met = match key {
            "reason" => found.is_some_and(|found| found.contains(&expected.value)),
            _ => found == Some(expected.value.as_str()),
        };
        if !is_met {
            let fix = found.map(|found| Fix::Value(Value::from(found)));
            self.differs(&format!("expect.failure.{key}"), &expected.span, &expected.value, found, fix);
        }
    }

    fn messages(&mut self, expect: &Expect, observed: &Observed, endpoints: &Endpoints) {
        if let Some(reply) = &expect.reply {
            match (&reply.value, observed.seen.replies.last()) {
                (Some(expected), Some(found)) => self.message("expect.reply", expected, found),
                (Some(_), None) => self.differs("expect.reply", &reply.span, "an answer", None, None),
                (None, Some(found)) => {
                    self.differs("expect.reply", &reply.span, "none", Some(&shown(found)), None);
                }
                (None, None) => {}
            }
        }
        if let Some(expected) = &expect.dead_letter {
            match &observed.journey.dead_letter {
                Some(found) => self.message("expect.dead_letter", expected, found),
                None => self.differs("expect.dead_letter", &expected.span, "a dead letter", None, None),
            }
        }
        if let Some(sent) = &expect.sent {
            self.sent(&sent.value, &sent.span, &observed.seen.taken, endpoints);
        }
    }

    fn sent(
        &mut self,
        expected: &[(Role, Spanned<Vec<Template>>)],
        span: &Range<usize>,
        taken: &[(Address, Message)],
        endpoints: &Endpoints,
    ) {
        let mut left: Vec<&(Address, Message)> = taken.iter().collect();
        for (role, templates) in expected {
            let what = format!("expect.sent.{}", role.name);
            let (own, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|(to, _)| role.takes(to, None, None));
            left = others;
            if own.len() != templates.value.len() {
                let (expected, found) = (count(templates.value.len()), count(own.len()));
                self.differs(&what, &templates.span, &expected, Some(&found), None);
            }
            for (template, (_, message)) in templates.value.iter().zip(own) {
                self.message(&what, template, message);
            }
        }
        for (to, message) in left {
            let name = endpoints.at(to, None).map(|role| role.name.clone()).unwrap_or_default();
            let found = format!("a message to `{name}`: {}", shown(message));
            self.differs("expect.sent", span, "nothing else", Some(&found), None);
        }
    }

    fn message(&mut self, what: &str, expected: &Template, found: &Message) {
        if let Some(body) = &expected.body {
            self.body(what, body, found);
        }
        let headers = expected.headers.as_ref().map(|(value, span)| (value, span, variables::headers(&found.headers)));
        let properties =
            expected.properties.as_ref().map(|(value, span)| (value, span, variables::properties(&found.properties)));
        for (name, given) in [("headers", headers), ("properties", properties)] {
            if let Some((expected, span, found)) = given {
                self.members(&format!("{what}.{name}"), expected, span, &found);
            }
        }
    }

    fn body(&mut self, what: &str, expected: &Body, found: &Message) {
        let text = || String::from_utf8_lossy(&found.body).into_owned();
        let (key, result) = match &expected.form {
            Form::Json(value) => {
                let read = json::read(&found.body, self.limits);
                let result = read.map(|read| (diff::json(value, &read), Fix::Value(read)));
                ("json", result.map_err(|wrong| ("JSON", wrong)))
            }
            Form::Xml(tree) => {
                let read = xml::read(&found.body, self.limits);
                let result = read.map(|read| (diff::xml(tree, &read), Fix::Text(text())));
                ("xml", result.map_err(|wrong| ("XML", wrong)))
            }
            Form::Text if expected.bytes == found.body => return,
            Form::Text => {
                let expected = String::from_utf8_lossy(&expected.bytes).into_owned();
                let differences = vec![Difference::new("", Some(&expected), Some(&text()))];
                ("text", Ok((differences, Fix::Text(text()))))
            }
        };
        let (differences, fix) = match result {
            Ok((differences, _)) if differences.is_empty() => return,
            Ok(result) => result,
            Err((format, wrong)) => {
                let found = format!("{} ({wrong})", shown(found));
                (vec![Difference::new("", Some(format), Some(&found))], Fix::Text(text()))
            }
        };
        let fix = match &expected.file {
            Some(path) => Fix::File(path.clone(), found.body.to_vec()),
            None => fix,
        };
        let key = if expected.file.is_some() { format!("{key}_file") } else { key.to_owned() };
        self.all.push(Mismatch { differences, fix: Some(fix), ..mismatch(format!("{what}.{key}"), &expected.span) });
    }

    fn members(&mut self, what: &str, expected: &Value, span: &Range<usize>, found: &Value) {
        let Value::Object(members) = expected else { return };
        let one = |name: &Text, value: &Value| [(name.clone(), value.clone())].into_iter().collect::<Value>();
        let none = || std::iter::empty::<(Text, Value)>().collect::<Value>();
        let mut differences = Vec::new();
        for (name, value) in members.iter() {
            let is = found.get(name).map_or_else(none, |found| one(name, found));
            let should = if matches!(value, Value::Null) { none() } else { one(name, value) };
            differences.extend(diff::json(&should, &is));
        }
        if !differences.is_empty() {
            let now = members.keys().map(|name| (name.clone(), found.get(name).cloned().unwrap_or_default()));
            let fix = Some(Fix::Value(now.collect()));
            self.all.push(Mismatch { differences, fix, ..mismatch(what, span) });
        }
    }
}

fn count(number: usize) -> String {
    if number == 1 { "1 message".to_owned() } else { format!("{number} messages") }
}

fn spelled(delays: &[Duration]) -> String {
    format!("[{}]", delays.iter().copied().map(spell).collect::<Vec<_>>().join(", "))
}

/// A message on one line.
fn shown(message: &Message) -> String {
    let body = String::from_utf8_lossy(&message.body);
    let error = message.headers.get(header_names::ERROR).and_then(Field::as_str);
    match error {
        Some(error) => format!("an error: {error}"),
        None if body.is_empty() => "an empty body".to_owned(),
        None => body.into_owned(),
    }
}

/// What could be expected of a case.
fn proposal(observed: &Observed, endpoints: &Endpoints, limits: &Limits) -> Vec<(String, Value)> {
    let journey = &observed.journey;
    let object = |members: Vec<(&str, Value)>| -> Value {
        members.into_iter().map(|(name, value)| (Text::from(name), value)).collect()
    };
    let mut all = vec![("outcome".to_owned(), Value::from(journey.ending.name()))];
    if let Some(failure) = &journey.failure {
        let step = failure.step.as_deref().map(|step| ("step", Value::from(step)));
        let kind = ("type", Value::from(failure.kind.name()));
        all.push(("failure".to_owned(), object(step.into_iter().chain([kind]).collect())));
        all.push(("attempts".to_owned(), Value::from(i64::from(journey.attempts))));
    }
    if !journey.delays.is_empty() {
        let delays = journey.delays.iter().map(|delay| Value::from(spell(*delay).as_str()));
        all.push(("delays".to_owned(), delays.collect()));
    }
    if let Some(reply) = observed.seen.replies.last() {
        all.push(("reply".to_owned(), written(reply, limits)));
    }
    let mut sent: Vec<(String, Vec<Value>)> = Vec::new();
    for (to, message) in &observed.seen.taken {
        let name = endpoints.at(to, None).map(|role| role.name.clone()).unwrap_or_default();
        let message = written(message, limits);
        match sent.iter_mut().find(|(known, _)| *known == name) {
            Some((_, messages)) => messages.push(message),
            None => sent.push((name, vec![message])),
        }
    }
    if !sent.is_empty() {
        let members = sent.into_iter().map(|(name, mut messages)| {
            let value = if messages.len() == 1 { messages.remove(0) } else { Value::array(messages) };
            (Text::from(name), value)
        });
        all.push(("sent".to_owned(), members.collect()));
    }
    all
}

/// A message as it could stand in a test file.
fn written(message: &Message, limits: &Limits) -> Value {
    let text = String::from_utf8_lossy(&message.body).into_owned();
    let error = message.headers.get(header_names::ERROR).and_then(Field::as_str);
    let (key, value) = match (error, json::read(&message.body, limits), xml::read(&message.body, limits)) {
        (Some(error), ..) => {
            let header = (Text::borrowed(header_names::ERROR), Value::from(error));
            ("headers", [header].into_iter().collect())
        }
        (None, Ok(value), _) => ("json", value),
        (None, Err(_), Ok(_)) => ("xml", Value::from(text.as_str())),
        (None, Err(_), Err(_)) => ("text", Value::from(text.as_str())),
    };
    [(Text::from(key), value)].into_iter().collect()
}
