//! The world of a case: participants that do what the test file says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::case::{Act, Case};
use super::endpoints::{Endpoints, is_reply};
use super::model::Fail;
use super::onlooker::Onlooker;
use crate::endpoint::{Address, SendError};
use crate::message::{Failure, Kind, Message, Text, header_names};
use crate::route::fake::World;
use crate::route::ports::{not_answered, not_sent};

/// The participants of one case while it runs.
#[derive(Debug)]
pub struct Played {
    case: Arc<Case>,
    endpoints: Endpoints,
    reply_to: Option<Text>,
    queue: Text,
    onlooker: Arc<Onlooker>,
    state: Mutex<State>,
}

/// What the participants have seen.
#[derive(Debug, Default)]
pub struct State {
    /// How many messages each part has got.
    pub turns: Vec<usize>,
    /// What a part has got in a turn: the indices of both, and the message.
    pub got: Vec<(usize, usize, Message)>,
    /// Every message that was taken, with its address, without the answers to the sender.
    pub taken: Vec<(Address, Message)>,
    /// The answers to the sender.
    pub replies: Vec<Message>,
    /// Whom the route has called and nobody plays.
    pub strangers: Vec<String>,
    /// What steps of the route have published to its own queue.
    pub own: VecDeque<Message>,
    /// The timers that it has started: how long each waits.
    pub timers: Vec<(Duration, Message)>,
    /// While messages come that nobody looks at.
    pub before: bool,
}

impl Played {
    /// The participants of a case.
    pub fn new(case: Arc<Case>, queue: &Text, endpoints: Endpoints, onlooker: Arc<Onlooker>) -> Self {
        let reply_to = case.delivery.message.properties.reply_to.clone();
        let state = State { turns: vec![0; case.parts.len()], before: true, ..State::default() };
        Self { case, endpoints, reply_to, queue: queue.clone(), onlooker, state: Mutex::new(state) }
    }

    /// What was seen so far.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the participant does with its next message; `None` if nobody plays it.
    fn next(&self, to: &Address, step: Option<&str>, message: &Message) -> Option<&Act> {
        let reply_to = self.reply_to.as_deref();
        let (index, part) = self.case.parts.iter().enumerate().find(|(_, part)| part.role.takes(to, step, reply_to))?;
        let mut state = self.state();
        if state.before {
            let replies = |act: &&Act| !matches!(act, Act::Fail(_));
            return part.turns.iter().map(|turn| &turn.act).find(replies);
        }
        let count = state.turns.get_mut(index)?;
        let turn = (*count).min(part.turns.len().saturating_sub(1));
        *count += 1;
        state.got.push((index, turn, message.clone()));
        part.turns.get(turn).map(|turn| &turn.act)
    }

    fn name(&self, to: &Address, step: Option<&str>) -> String {
        let known = self.endpoints.at(to, step).map(|role| role.name.clone());
        known.unwrap_or_else(|| format!("{}/{}", to.exchange, to.routing_key))
    }
}

impl World for Played {
    fn takes(&self, to: &Address, message: &Message) -> Result<(), Failure> {
        let own = to.exchange.is_empty() && to.routing_key.starts_with(self.queue.as_str());
        if own && header_names::is_own(&message.headers) {
            let mut state = self.state();
            match to.routing_key.rsplit_once(".retry.").and_then(|(_, millis)| millis.parse().ok()) {
                Some(millis) => state.timers.push((Duration::from_millis(millis), message.clone())),
                None => state.own.push_back(message.clone()),
            }
            return Ok(());
        }
        if let Some(Act::Fail(fail)) = self.next(to, None, message) {
            return Err(failure(*fail, to, Duration::ZERO));
        }
        let mut state = self.state();
        if !state.before {
            match is_reply(to, self.reply_to.as_deref()) {
                true => state.replies.push(message.clone()),
                false => state.taken.push((to.clone(), message.clone())),
            }
        }
        Ok(())
    }

    fn answers(&self, to: &Address, request: &Message, timeout: Duration) -> Result<Message, Failure> {
        // Where the answer goes is the port's business, and differs from run to run.
        let mut request = request.clone();
        (request.properties.reply_to, request.properties.correlation_id) = (None, None);
        let step = self.onlooker.step();
        match self.next(to, step.as_deref(), &request) {
            Some(Act::Reply(answer)) => Ok(answer.as_ref().clone()),
            Some(Act::Fail(fail)) => Err(failure(*fail, to, timeout)),
            Some(Act::Take) => Err(not_answered(timeout)),
            None => {
                let name = self.name(to, step.as_deref());
                let mut state = self.state();
                if !state.strangers.contains(&name) {
                    state.strangers.push(name.clone());
                }
                Err(Failure::permanent(Kind::Internal, format!("the case has no participant `{name}`")))
            }
        }
    }
}

fn failure(fail: Fail, to: &Address, timeout: Duration) -> Failure {
    let (exchange, routing_key) = (to.exchange.to_string(), to.routing_key.to_string());
    match fail {
        Fail::Timeout => not_answered(timeout),
        Fail::Nack => not_sent(&SendError::Nack),
        Fail::Unroutable => not_sent(&SendError::Unroutable { exchange, routing_key, reason: "NO_ROUTE".to_owned() }),
        Fail::Connection => not_sent(&SendError::Unknown("the connection was lost".to_owned())),
    }
}
