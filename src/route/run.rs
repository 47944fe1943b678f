//! One message on its way through a plan.

pub mod parts;

use std::sync::Arc;

use futures_util::future::join_all;

use crate::contract::{Contract, Format};
use crate::endpoint::{Address, Delivery};
use crate::format::json;
use crate::message::{Class, Failure, Headers, Kind, Limits, Message, Properties, Stage, Text, Value, header_names};
use crate::transform::{Uses, VARIABLES, Variables};

use super::body;
use super::claim::{self, Ticket};
use super::claimed::Claimed;
use super::conversation::Conversation;
use super::group::Entry;
use super::left::Left;
use super::plan::{Placed, Plan, may_pass};
use super::ports::Ports;
use super::step::Refresh;
use super::variables;
use super::waited;
use super::watch::Watch;

use parts::Parts;

/// Answers to such an address are delivered although the broker returns them as unroutable when they are
/// mandatory (RabbitMQ's direct reply-to).
const DIRECT_REPLY: &str = "amq.rabbitmq.reply-to";

/// Where `$headers`, `$properties` and `$state` stand among [`VARIABLES`].
const HEADERS: usize = 0;
const PROPERTIES: usize = 1;
const STATE: usize = 4;

/// The state of one run: the message as it stands now, its document once somebody has looked at it, and what is
/// to be sent.
pub struct Run<'a> {
    plan: &'a Plan,
    delivery: &'a Delivery,
    ports: &'a dyn Ports,
    message: Message,
    document: Option<Value>,
    contract: Option<Arc<Contract>>,
    variables: [Option<Value>; VARIABLES.len()],
    step: Option<Text>,
    /// How often the step is tried again at once.
    retry: u32,
    sends: Vec<Sending>,
    claimed: Vec<Claimed<'a>>,
    watch: Option<&'a dyn Watch>,
    /// Only where parts may fail apart.
    parts: Option<Box<Parts>>,
    /// The message with its body, while a claim travels in its place.
    whole: Option<Box<Message>>,
    /// The delays that the message has waited for.
    waited: Vec<Text>,
    conversation: Option<Box<Conversation>>,
    /// What is asked for when the message has been sent on.
    later: Vec<Refresh>,
}

/// A message that is sent after the last step.
struct Sending {
    step: Option<Text>,
    address: Address,
    message: Message,
    /// How often it is published again at once.
    retry: u32,
    /// The part that sends it, if that may fail apart.
    part: Option<parts::Origin>,
}

/// What was not confirmed.
type Refused = (Option<parts::Origin>, Failure);

impl Sending {
    /// Whether an earlier run has left it.
    fn is_left(&self, left: &Left) -> bool {
        let of_step = self.part.as_ref().and_then(|(step, position)| Some((left.parts.get(step)?, position)));
        of_step.is_some_and(|(positions, position)| positions.contains(position))
    }
}

impl<'a> Run<'a> {
    /// Admits a message by its size.
    pub(super) fn begin(plan: &'a Plan, delivery: &'a Delivery, ports: &'a dyn Ports) -> Result<Self, Failure> {
        body::check_size(&delivery.message.body, plan.limits(), Stage::Receive)?;
        let mut message = delivery.message.clone();
        header_names::strip_traces(&mut message.headers);
        let waited = if plan.delays { waited::take(&mut message.headers, plan.name()) } else { Vec::new() };
        if Entry::of(delivery, plan.name(), plan.queue()).is_some() {
            header_names::strip_own(&mut message.headers);
        }
        header_names::set_copies_aside(&mut message.headers);
        let parts = plan.divides.then(|| Parts::resume(Left::take(&mut message.headers, plan.name())));
        own_properties(&mut message, ports);
        Ok(Self {
            plan,
            delivery,
            ports,
            message,
            document: None,
            contract: None,
            variables: Default::default(),
            step: None,
            retry: 0,
            sends: Vec::new(),
            claimed: Vec::new(),
            watch: ports.watch(),
            parts,
            whole: None,
            waited,
            conversation: None,
            later: Vec::new(),
        })
    }

    /// Gets the body back that a claim stands for.
    pub(super) async fn fetch(&mut self) -> Result<(), Failure> {
        if let Some(body) = claim::fetch(self.ports, &self.message).await? {
            body::check_size(&body, self.plan.limits(), Stage::Receive)?;
            self.message.body = body;
            claim::drop_claim(&mut self.message.headers);
        }
        Ok(())
    }

    /// Puts a claim in the place of the body. The document stays what it is.
    pub(crate) fn check_in(&mut self, ticket: Ticket) {
        self.whole = Some(Box::new(self.message.clone()));
        claim::take_body(&mut self.message, ticket);
        self.variables[HEADERS] = None;
    }

    /// The message has a body of its own again, which is about to be put in place.
    fn drop_claim(&mut self) {
        if self.whole.take().is_some() {
            claim::drop_claim(&mut self.message.headers);
            self.variables[HEADERS] = None;
        }
    }

    /// Reads the document by the contract that the route accepts, if it has one.
    pub(super) fn accept(&mut self) -> Result<(), Failure> {
        if let Some(contract) = self.plan.accepts() {
            self.document = Some(body::read(&self.message, contract, self.plan.limits(), Stage::Receive)?);
            self.contract = Some(contract.clone());
        }
        Ok(())
    }

    /// The world.
    pub fn ports(&self) -> &'a dyn Ports {
        self.ports
    }

    /// The bounds of this route.
    pub fn limits(&self) -> &'a Limits {
        self.plan.limits()
    }

    /// The message as it stands now.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The document, read when first asked for.
    pub fn document(&mut self) -> Result<&Value, Failure> {
        let document = match self.document.take() {
            Some(document) => document,
            None => body::read_plain(self.readable(), self.plan.limits(), Stage::Process)?,
        };
        Ok(self.document.insert(document))
    }

    /// The document of a contract; read by it unless it is the one that the document has already.
    pub fn document_as(&mut self, contract: &Arc<Contract>) -> Result<&Value, Failure> {
        let same = self.contract.as_ref().is_some_and(|known| known.reference() == contract.reference());
        let document = match self.document.take() {
            Some(document) if same => document,
            _ => body::read(self.readable(), contract, self.plan.limits(), Stage::Process)?,
        };
        self.contract = Some(contract.clone());
        Ok(self.document.insert(document))
    }

    /// Puts a new document in place: validated and written by its contract.
    pub fn set_document(&mut self, document: Value, contract: &Arc<Contract>) -> Result<(), Failure> {
        let written = contract.write(&document, self.plan.limits());
        self.drop_claim();
        self.message.body = written.map_err(|violations| body::failure(violations, Stage::Process))?;
        body::describe(&mut self.message.properties, contract.format());
        self.variables[PROPERTIES] = None;
        self.document = Some(document);
        self.contract = Some(contract.clone());
        Ok(())
    }

    /// Puts a new document in place that no contract describes: JSON.
    pub fn set_plain(&mut self, document: Value) -> Result<(), Failure> {
        let written = json::write(&document, self.plan.limits());
        self.drop_claim();
        self.message.body = written.map_err(|violation| body::failure(violation.into(), Stage::Process))?.into();
        body::describe(&mut self.message.properties, Format::Json);
        self.variables[PROPERTIES] = None;
        (self.document, self.contract) = (Some(document), None);
        Ok(())
    }

    /// Puts a new document in place, written by its contract if it has one.
    pub fn set(&mut self, document: Value, contract: Option<&Arc<Contract>>) -> Result<(), Failure> {
        match contract {
            Some(contract) => self.set_document(document, contract),
            None => self.set_plain(document),
        }
    }

    /// The document of an answer: by its contract, or JSON.
    pub fn read(&self, answer: &Message, contract: Option<&Arc<Contract>>) -> Result<Value, Failure> {
        match contract {
            Some(contract) => body::read(answer, contract, self.plan.limits(), Stage::Process),
            None => body::read_plain(answer, self.plan.limits(), Stage::Process),
        }
    }

    /// Puts an answer's body in place; headers and the other properties stay.
    pub fn replace(&mut self, answer: Message, contract: Option<Arc<Contract>>) -> Result<(), Failure> {
        body::check_size(&answer.body, self.plan.limits(), Stage::Process)?;
        self.document = match &contract {
            Some(contract) => Some(body::read(&answer, contract, self.plan.limits(), Stage::Process)?),
            None => None,
        };
        self.contract = contract;
        self.drop_claim();
        self.message.body = answer.body;
        self.message.properties.content_type.clone_from(&answer.properties.content_type);
        self.message.properties.content_encoding.clone_from(&answer.properties.content_encoding);
        self.variables[PROPERTIES] = None;
        Ok(())
    }

    /// The message with its body.
    fn readable(&self) -> &Message {
        self.whole.as_deref().unwrap_or(&self.message)
    }

    /// The headers, to be changed.
    pub fn headers_mut(&mut self) -> &mut Headers {
        self.variables[HEADERS] = None;
        &mut self.message.headers
    }

    /// The properties, to be changed.
    pub fn properties_mut(&mut self) -> &mut Properties {
        self.variables[PROPERTIES] = None;
        &mut self.message.properties
    }

    /// The values of the global variables, made only where a program uses them.
    pub fn variables(&mut self, uses: Uses) -> Variables {
        let [headers, properties, route, message, state] = &mut self.variables;
        let [use_headers, use_properties, use_route, use_message, use_state] = uses;
        let (plan, delivery, ports) = (self.plan, self.delivery, self.ports);
        [
            lazy(headers, use_headers, || variables::headers(&self.message.headers)),
            lazy(properties, use_properties, || variables::properties(&self.message.properties)),
            lazy(route, use_route, || variables::route(plan.name(), plan.queue())),
            lazy(message, use_message, || variables::message(delivery, ports.now())),
            lazy(state, use_state, || Value::Null),
        ]
    }

    /// Sends the message, as it stands now, when the last step is done.
    pub fn send(&mut self, address: Address) {
        let (step, message, retry) = (self.step.clone(), self.message.clone(), self.retry);
        self.sends.push(Sending { step, address, message, retry, part: None });
    }

    /// Whether the message has waited for this delay.
    pub fn has_waited(&self, step: &Text) -> bool {
        self.waited.contains(step)
    }

    /// The message as it came.
    pub fn original(&self) -> &'a Message {
        &self.delivery.message
    }

    /// Where it was published to.
    pub fn address(&self) -> &'a Address {
        &self.delivery.address
    }

    /// The queue from which it was taken.
    pub fn queue(&self) -> &'a Text {
        self.plan.queue()
    }

    /// Gives `$state` the value that was loaded.
    pub(crate) fn set_conversation(&mut self, conversation: Conversation) {
        self.variables[STATE] = Some(conversation.seen().clone());
        self.conversation = Some(Box::new(conversation));
    }

    /// The state that was loaded, to be saved.
    pub(crate) fn conversation_mut(&mut self) -> Option<&mut Conversation> {
        self.conversation.as_deref_mut()
    }

    /// The state that is perhaps to be saved.
    pub(super) fn take_conversation(&mut self) -> Option<Box<Conversation>> {
        self.conversation.take()
    }

    /// Asks for something when the message has been sent on.
    pub fn ask_later(&mut self, refresh: Refresh) {
        self.later.push(refresh);
    }

    /// What is asked for when the message has been sent on.
    pub(super) fn take_later(&mut self) -> Vec<Refresh> {
        std::mem::take(&mut self.later)
    }

    /// The route's name.
    pub fn route(&self) -> &'a str {
        self.plan.name()
    }

    /// Holds a key until the outcome of the message is known.
    pub(super) fn hold(&mut self, claimed: Claimed<'a>) {
        self.claimed.push(claimed);
    }

    /// The keys that are held.
    pub(super) fn take_claimed(&mut self) -> Vec<Claimed<'a>> {
        std::mem::take(&mut self.claimed)
    }

    pub(super) fn enter(&mut self, placed: &Placed) {
        self.step = Some(placed.id.clone());
        self.retry = placed.retry.unwrap_or_default();
    }

    /// Who looks on.
    pub(super) fn watch(&self) -> Option<&'a dyn Watch> {
        self.watch
    }

    /// The id of the step that ran last.
    pub(super) fn step(&self) -> Option<&Text> {
        self.step.as_ref()
    }

    /// Answers the sender when the last step is done.
    pub(super) fn reply(&mut self, contract: Option<&Arc<Contract>>) -> Result<(), Failure> {
        if let Some(contract) = contract {
            self.document_as(contract)?;
        }
        let asked = &self.delivery.message.properties;
        let Some(reply_to) = asked.reply_to.clone().filter(|address| !address.is_empty()) else {
            let reason = "there is nobody to answer to: the message has no reply_to";
            return Err(Failure::new(Class::Permanent, Stage::Send, Kind::Participant, reason));
        };
        let mut message = self.message.clone();
        message.properties.correlation_id = asked.correlation_id.clone().or_else(|| asked.message_id.clone());
        message.properties.message_id = Some(self.ports.new_id());
        message.properties.reply_to = None;
        message.properties.expiration = None;
        let address = Address { exchange: Text::new(), routing_key: reply_to };
        self.sends.push(Sending { step: Some(Text::borrowed("reply")), address, message, retry: 0, part: None });
        Ok(())
    }

    /// Publishes all that is to be sent, in order, and waits for all confirms together.
    pub(super) async fn publish(&mut self) -> Result<(), Failure> {
        match self.parts.take() {
            Some(parts) => Box::pin(parts.finish(self, None)).await,
            None => decisive(self.confirm().await).map_or(Ok(()), Err),
        }
    }

    /// What of all that is to be sent the broker does not confirm. Nothing looks at the document any more then, and
    /// hundreds of messages wait for their confirms at a time: memory that is given back at once is still in the cache.
    async fn confirm(&mut self) -> Vec<Refused> {
        (self.document, self.whole, self.variables) = (None, None, Default::default());
        let ports = self.ports;
        let start = |sending: Sending| {
            let Sending { step, address, message, retry, part } = sending;
            let direct = is_direct_reply(&address);
            let copy = (retry > 0).then(|| Box::new(message.clone()));
            let first = ports.send(&address, message);
            async move {
                let mut confirmed = first.await;
                for message in copy.iter().cycle().take(usize::try_from(retry).unwrap_or(usize::MAX)) {
                    match &confirmed {
                        Err(failure) if may_pass(failure) => ports.tries_again(failure),
                        _ => break,
                    }
                    confirmed = ports.send(&address, message.as_ref().clone()).await;
                }
                match confirmed {
                    Err(failure) if direct && failure.kind == Kind::Unroutable => None,
                    Err(failure) => Some(match &step {
                        Some(step) => (part, failure.in_step(step)),
                        None => (part, failure),
                    }),
                    Ok(()) => None,
                }
            }
        };
        let mut sends = std::mem::take(&mut self.sends);
        if sends.len() <= 1 {
            return match sends.pop() {
                Some(only) => start(only).await.into_iter().collect(),
                None => Vec::new(),
            };
        }
        join_all(sends.into_iter().map(start)).await.into_iter().flatten().collect()
    }
}

/// The failure that decides: a permanent one, for trying again would only send the others again.
fn decisive(refused: Vec<Refused>) -> Option<Failure> {
    let mut failures = refused.into_iter().map(|(_, failure)| failure);
    let first = failures.next()?;
    if first.class == Class::Permanent {
        return Some(first);
    }
    Some(failures.find(|failure| failure.class == Class::Permanent).unwrap_or(first))
}

/// Whether the broker says of an answer to this address that it is unroutable, although it is delivered.
pub fn is_direct_reply(to: &Address) -> bool {
    to.exchange.is_empty() && to.routing_key.starts_with(DIRECT_REPLY)
}

/// Makes a message ours: kept on disk, with an id, and in nobody's name. Most are so already, and share their properties
/// with the delivery.
fn own_properties(message: &mut Message, ports: &dyn Ports) {
    if message.properties.delivery_mode != Some(2) {
        message.properties.delivery_mode = Some(2);
    }
    if message.properties.user_id.is_some()
        && let Some(user_id) = message.properties.user_id.take()
    {
        let name = Text::borrowed(header_names::USER_ID);
        message.headers.insert(name, crate::message::Field::text(user_id.as_str()));
    }
    if message.properties.message_id.is_none() {
        message.properties.message_id = Some(ports.new_id());
    }
}

fn lazy(slot: &mut Option<Value>, used: bool, make: impl FnOnce() -> Value) -> Value {
    if used { slot.get_or_insert_with(make).clone() } else { Value::Null }
}
