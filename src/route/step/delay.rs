//! Delayer: a message goes on after a while.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Text};
use crate::route::compile::{Compiler, Place};
use crate::route::run::Run;

use super::{Description, Flow, Pattern, Step};

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// Lets a message wait. It waits in the queue `<queue>.retry.<ms>` of the broker, holds no slot of the route, and survives
/// any restart; then it comes again as it came first, and passes the delay. So the steps before it are run twice, and none
/// of them may be a `call`; what they send is sent once, after the last step. The message's own `expiration` does not run
/// meanwhile.
///
/// With `hold: true` it waits in its place instead, which is for moments: at most 10 seconds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// How long, as `500ms`, `30s` or `2h`: from `1ms` to `168h`.
    #[serde(rename = "for")]
    pub time: Spanned<String>,
    /// Whether the message holds its slot meanwhile; not if left out.
    #[serde(default)]
    pub hold: bool,
}

#[derive(Debug)]
struct Held {
    time: Duration,
}

#[derive(Debug)]
struct Queued {
    id: Text,
    time: Duration,
}

impl Pattern for Delay {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let longest = if self.hold { LONGEST_HOLD } else { LONGEST };
        let time = compiler.duration(&self.time, SHORTEST, longest);
        if self.hold {
            compiler.stands_alone("delay", &place.span);
            return Some(Box::new(Held { time: time? }));
        }
        compiler.waits_in_queue("delay", time.unwrap_or(SHORTEST), &place.span);
        Some(Box::new(Queued { id: Text::from(place.id), time: time? }))
    }
}

impl Step for Held {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        let ports = run.ports();
        Box::pin(async move {
            ports.wait(self.time).await;
            Ok(Flow::Continue)
        })
    }

    fn looks(&self) -> bool {
        false
    }

    fn describe(&self) -> Description<'_> {
        Description::line(format!("wait {:?} here", self.time))
    }
}

impl Step for Queued {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        let flow = if run.has_waited(&self.id) { Flow::Continue } else { Flow::Later(self.time) };
        Box::pin(std::future::ready(Ok(flow)))
    }

    fn looks(&self) -> bool {
        false
    }

    fn describe(&self) -> Description<'_> {
        Description::line(format!("wait {:?} in a queue of the broker", self.time))
    }
}
