//! The simulated participants: a chat front end, an ERP that speaks XML, a CRM. Each is a client of the broker.

use tokio::sync::mpsc;

use crate::endpoint::topology::{Binding, Exchange, Queue, Topology};
use crate::endpoint::{Address, EndpointError, Session, Settlement, Sink};
use crate::message::{Field, Message, Properties, Text};

/// Who takes from a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The chat front end.
    Chat,
    /// The shop.
    Shop,
    /// The ERP.
    Erp,
    /// The CRM.
    Crm,
    /// The operator, who looks into the dead-letter queues.
    DeadLetters,
}

/// What a participant saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The participant.
    pub who: Who,
    /// The queue.
    pub queue: Text,
    /// The message.
    pub message: Message,
}

/// The queues from which participants take, with exchange, routing key and owner.
pub const INBOXES: &[(&str, &str, &str, Who)] = &[
    ("demo.erp.status", "erp", "order.status", Who::Erp),
    ("demo.erp.inventory", "erp", "inventory.query", Who::Erp),
    ("demo.erp.orders", "erp", "order.create", Who::Erp),
    ("demo.crm.leads", "crm", "lead.import", Who::Crm),
    ("demo.crm.newsletter", "crm", "newsletter.subscribe", Who::Crm),
    ("demo.chat.notify", "chat", "notify.*", Who::Chat),
];

/// The exchanges and inboxes that the participants bring along.
pub fn topology() -> Topology {
    let exchange = |name| Exchange { name: Text::borrowed(name), kind: Text::borrowed("topic"), declare: true };
    let mut topology =
        Topology { exchanges: ["chat", "crm", "erp", "shop"].map(exchange).to_vec(), ..Topology::default() };
    for (queue, exchange, key, _) in INBOXES {
        let arguments = [(Text::borrowed("x-queue-type"), Field::text("quorum"))].into();
        topology.queues.push(Queue { name: Text::borrowed(queue), arguments, declare: true });
        topology.bindings.push(Binding {
            queue: Text::borrowed(queue),
            exchange: Text::borrowed(exchange),
            routing_key: Text::borrowed(key),
            arguments: Default::default(),
        });
    }
    topology
}

/// Takes from one queue for ever, answers requests, and tells what it saw.
///
/// Dead letters are only looked at: unsettled, they are back in their queue when the demonstration ends.
pub async fn attend(
    session: &dyn Session,
    queue: Text,
    who: Who,
    seen: mpsc::Sender<Seen>,
) -> Result<(), EndpointError> {
    let sink = session.sink().await?;
    let mut source = session.source(&queue, 1000).await?;
    loop {
        for delivery in source.receive(50).await? {
            if let Some(body) = answer(&queue, &text(&delivery.message)) {
                reply(sink.as_ref(), &delivery.message, body).await;
            }
            if who != Who::DeadLetters {
                source.settle(Settlement::Ack(delivery.tag)).await?;
            }
            if seen.send(Seen { who, queue: queue.clone(), message: delivery.message }).await.is_err() {
                return Ok(());
            }
        }
    }
}

async fn reply(sink: &dyn Sink, request: &Message, body: String) {
    let Some(reply_to) = request.properties.reply_to.clone() else { return };
    let properties = Properties {
        content_type: Some(Text::borrowed("application/xml")),
        correlation_id: request.properties.correlation_id.clone(),
        ..Properties::default()
    };
    let message = Message { properties: properties.into(), body: body.into(), ..Message::default() };
    // An asker that has gone away is no concern of the ERP.
    let _ = sink.send(&Address { exchange: Text::borrowed(""), routing_key: reply_to }, message).await;
}

/// The body as text, for people and for the simulated ERP.
pub fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.body).into_owned()
}

/// The content of the first element of this local name. The ERP knows its own documents; it needs no more.
fn content<'a>(xml: &'a str, local: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("{local}>"))?;
    rest.split('<').next()
}

fn answer(queue: &str, request: &str) -> Option<String> {
    match queue {
        "demo.erp.status" => {
            let number = content(request, "OrderNumber")?;
            Some(format!(
                r#"<s:OrderStatusResponse xmlns:s="urn:juniper:erp:order-status:1"><s:OrderNumber>{number}</s:OrderNumber><s:Order priority="true"><s:State>30</s:State><s:OrderedAt>2026-11-18T09:30:00Z</s:OrderedAt><s:PromisedDate>2026-11-23</s:PromisedDate><s:Total currency="EUR">59.70</s:Total><s:Line number="1"><s:Article>007-4410-B</s:Article><s:Description>Oak shelf</s:Description><s:Quantity unit="C62">3</s:Quantity><s:Price currency="EUR">19.90</s:Price><s:Open>0</s:Open></s:Line><s:Parcel><s:Carrier>DHL</s:Carrier><s:TrackingNumber>00340434161094042557</s:TrackingNumber></s:Parcel></s:Order></s:OrderStatusResponse>"#
            ))
        }
        "demo.erp.inventory" => {
            let article = content(request, "Article")?;
            Some(format!(
                r#"<InventoryReport xmlns="urn:juniper:erp:inventory:1"><AsOf>2026-11-20T08:00:00Z</AsOf><Item><Article>{article}</Article><Description>Oak shelf</Description><Stock plant="0100"><OnHand unit="C62">12.000</OnHand><Reserved unit="C62">4.5</Reserved></Stock></Item></InventoryReport>"#
            ))
        }
        _ => None,
    }
}
