//! The broker's limits against ours.

use crate::adapter::amqp::{Acceptance, FRAME_MIN, Inspection};
use crate::config::Size;
use crate::config::settings::Limits;

use super::finding::Finding;
use super::wanted::Wanted;

/// What a connection's channels are used for, besides one for each route's work.
const SPARE: usize = 4;
/// AMQP 0-9-1's usual frame; smaller ones are worth a word.
const FRAME: usize = 131_072;

/// Frames and channels, as they were agreed on with the broker.
pub(super) fn of_connection(wanted: &Wanted<'_>, found: &Inspection) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (needed, channels) = (2 * wanted.routes() + SPARE, usize::from(found.channels));
    if channels != 0 && channels < needed {
        let finding = Finding::difference("limit `channel_max`").declared(format!("{needed} channels of a connection"));
        let finding = finding.there(format!("{channels} channels"));
        findings.push(finding.remedy("raise `channel_max` of the broker, or of `broker.url`"));
    }
    let too_small = usize::try_from(FRAME_MIN).is_ok_and(|least| found.frame < least);
    if too_small {
        let finding = Finding::difference("limit `frame_max`");
        let finding = finding.declared(format!("frames of {FRAME_MIN} bytes, or a dead letter does not fit into one"));
        let finding = finding.there(format!("frames of {}", Size(found.frame)));
        findings.push(finding.remedy("raise `frame_max` of the broker; the bus does not start with less"));
    } else if found.frame < FRAME {
        let finding = Finding::note("limit `frame_max`").declared(format!("frames of {}", Size(FRAME)));
        let finding = finding.there(format!("frames of {}", Size(found.frame)));
        findings.push(finding.remedy("headers and properties of a message must fit into one frame; a larger one becomes a dead letter, with what fits of them"));
    }
    findings
}

/// The largest message.
pub(super) fn of_size(limits: &Limits, accepted: &Acceptance, user: &str) -> Option<Finding> {
    const MAX: &str = "limit `max_message_size`";
    match accepted {
        Acceptance::Taken => None,
        Acceptance::Blocked => Some(
            Finding::difference("alarm")
                .declared("the broker takes messages")
                .there("it has blocked the connection (connection.blocked)")
                .remedy("free memory or disk of the broker: `rabbitmq-diagnostics alarms` tells which; the bus waits until then"),
        ),
        Acceptance::Refused(reason) => Some(
            Finding::difference("permission to write to the default exchange")
                .declared("dead letters, waiting messages and answers are published to it")
                .there(format!("the broker says: {reason}"))
                .remedy(format!("let the user `{user}` write to `amq.default`: `rabbitmqctl set_permissions`")),
        ),
        Acceptance::UpTo(bytes) => {
            let bytes = usize::try_from(*bytes).unwrap_or(usize::MAX);
            let there = format!("messages up to {} are taken", Size(bytes));
            Some(if bytes < limits.body.0 {
                Finding::difference(MAX)
                    .declared(format!("bodies up to {} (`limits.body`)", limits.body))
                    .there(there)
                    .remedy(format!("raise it at the broker, or set `limits.body` to {}", Size(bytes)))
            } else {
                Finding::note(MAX)
                    .declared(format!("documents that routes make, up to {} (`limits.output`)", limits.output))
                    .there(there)
                    .remedy("raise it at the broker if there are such documents: a larger one is not sent, and its message becomes a dead letter")
            })
        }
    }
}

/// The size of which the broker is asked: nothing larger is ever published.
pub(super) fn largest(limits: &Limits) -> usize {
    limits.body.0.max(limits.output.0)
}
