//! `trunkline trace`: one message through a route, step by step, without a broker.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::config::{Environment, Project};
use crate::diagnostic::did_you_mean;
use crate::endpoint::{Address, Delivery, Tag};
use crate::message::{Field, Limits, Message, Text};
use crate::route::Plan;
use crate::testing::case::{Act, Case, Part, Turn};
use crate::testing::endpoints::Endpoints;
use crate::testing::model::{Ending, Fail};
use crate::testing::trace::trace;

use super::{End, input, output};

/// Where the answer goes.
const REPLY_TO: &str = "trace.reply";

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) route: &'a str,
    pub(super) message: &'a Path,
    pub(super) participants: &'a [(String, String)],
    pub(super) headers: &'a [(String, String)],
}

pub(super) fn run(dir: &Path, asked: &Asked<'_>) -> End {
    match traced(dir, asked) {
        Ok(end) | Err(end) => end,
    }
}

fn traced(dir: &Path, asked: &Asked<'_>) -> Result<End, End> {
    let project = Project::load(dir, &Environment::of_process());
    let Some(plan) = project.plans.iter().find(|plan| plan.name() == asked.route) else {
        return Err(output::no_route(&project, asked.route));
    };
    let limits = plan.limits();
    let mut message = message(input::document(asked.message, limits)?);
    for (name, value) in asked.headers {
        message.headers.insert(Text::from(name.as_str()), Field::text(value.as_str()));
    }
    if plan.reply().is_some() {
        message.properties.reply_to = Some(Text::from(REPLY_TO));
    }
    let address = Address { exchange: Text::new(), routing_key: plan.queue().clone() };
    let case = Case {
        state: Vec::new(),
        wait: Duration::ZERO,
        name: asked.route.to_owned(),
        span: 0..0,
        whole: 0..0,
        sent_files: Vec::new(),
        before: Vec::new(),
        delivery: Delivery { tag: Tag(1), redelivered: false, address, message },
        at: SystemTime::now(),
        parts: asked.participants.iter().map(|given| part(plan, given, limits)).collect::<Result<_, _>>()?,
        expect: None,
    };
    let told = trace(plan, &Arc::new(case), output::colours());
    match (output::data(&told.text), told.ending) {
        (End::Good, Ending::DeadLettered | Ending::Kept) => Ok(End::Invalid),
        (end, _) => Ok(end),
    }
}

/// A participant that does the same with every message: it answers with a file, or fails by a word.
fn part(plan: &Plan, (name, does): &(String, String), limits: &Limits) -> Result<Part, End> {
    let endpoints = Endpoints::of(plan);
    let Some(role) = endpoints.role(name) else {
        let names = endpoints.names();
        let hint = match did_you_mean(name, names.iter().map(String::as_str)) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => format!("the route sends to or calls {}", names.join(", ")),
        };
        return Err(output::misuse(&format!("the route has no participant `{name}`"), Some(&hint)));
    };
    let act = match does.as_str() {
        "timeout" => Act::Fail(Fail::Timeout),
        "nack" => Act::Fail(Fail::Nack),
        "unroutable" => Act::Fail(Fail::Unroutable),
        "connection" => Act::Fail(Fail::Connection),
        file => Act::Reply(Box::new(message(input::document(Path::new(file), limits)?))),
    };
    Ok(Part { role, span: 0..0, turns: vec![Turn { span: 0..0, expect: None, act }] })
}

/// A message of this body, with the content type that its first character tells.
fn message(body: Bytes) -> Message {
    let first = body.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    let mut message = Message { body, ..Message::default() };
    message.properties.delivery_mode = Some(2);
    message.properties.content_type = match first {
        Some(b'<' | 0xef) => Some(Text::from("application/xml")),
        Some(b'{' | b'[') => Some(Text::from("application/json")),
        _ => None,
    };
    message
}
