//! The participants of the shipped example, as tests play them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use trunkline::endpoint::topology::{Binding, Exchange, Topology};
use trunkline::endpoint::{Address, Delivery, Replies, Session, Settlement, Sink, Source};
use trunkline::message::{Field, Headers, Message, Properties, Text};

use crate::broker::{message, queue, soon, to_queue};

/// The ERP's answer to a request for an order's status.
const STATUS: &str = include_str!("../../../examples/messages/order-status-response.xml");

/// The client's side of the example.
pub(super) struct Shop {
    pub(super) session: Arc<dyn Session>,
    sink: Arc<dyn Sink>,
    replies: Box<dyn Replies>,
    answers: BTreeMap<Text, Message>,
    _erp: Option<AbortOnDropHandle<()>>,
    asked: usize,
}

/// Queues of participants, each bound to what it is meant to get. Nobody takes `notify.web`, nor `newsletter…`.
const INBOXES: [(&str, &str, &str); 3] = [
    ("test.erp", "erp", "order.status"),
    ("test.orders", "erp", "order.create"),
    ("test.whatsapp", "chat", "notify.whatsapp"),
];

impl Shop {
    /// Opens for business; nobody at the ERP yet.
    pub(super) async fn open(session: Arc<dyn Session>) -> Self {
        let exchange = |name: &'static str| Exchange { name: name.into(), kind: "topic".into(), declare: true };
        let mut topology =
            Topology { exchanges: ["chat", "crm", "erp", "shop"].map(exchange).into(), ..Topology::default() };
        for (name, exchange, key) in INBOXES {
            topology.queues.push(queue(&name.into(), &[]));
            topology.bindings.push(Binding {
                queue: name.into(),
                exchange: exchange.into(),
                routing_key: key.into(),
                arguments: Headers::new(),
            });
        }
        session.declare(&topology).await.expect("declared");
        let sink = session.sink().await.expect("a lane");
        let replies = session.replies().await.expect("a queue");
        Self { session, sink, replies, answers: BTreeMap::new(), _erp: None, asked: 0 }
    }

    /// The ERP begins to answer.
    pub(super) async fn staff_erp(&mut self) {
        let (source, sink) = (self.source("test.erp").await, self.session.sink().await.expect("a lane"));
        self._erp = Some(AbortOnDropHandle::new(tokio::spawn(answer_all(source, sink))));
    }

    pub(super) async fn source(&self, queue: &str) -> Box<dyn Source> {
        self.session.source(queue, 500).await.expect("a consumer")
    }

    /// A request for an order's status, with everything that a message can have.
    pub(super) fn status_request(&mut self, order: &str) -> Message {
        self.asked += 1;
        let id = format!("m-{}", self.asked);
        let body = format!(r#"{{ "order_id": "{order}", "channel": "web", "customer": {{ "id": "C-0815" }} }}"#);
        let mut request = message(&id, &body);
        request.headers = [("tenant".into(), Field::text("juniper")), ("hops".into(), Field::U8(3))].into();
        request.properties = Properties {
            content_type: Some("application/json".into()),
            correlation_id: Some(format!("c-{}", self.asked).into()),
            reply_to: Some(self.replies.address().into()),
            priority: Some(4),
            timestamp: Some(1_700_000_000),
            kind: Some("order-status".into()),
            app_id: Some("chat".into()),
            ..(*request.properties).clone()
        }
        .into();
        request
    }

    pub(super) async fn send(&self, to: &Address, message: Message) {
        soon("the confirm", self.sink.send(to, message)).await.expect("confirmed");
    }

    /// The answer to a request. Others that come before it are kept.
    pub(super) async fn answer_to(&mut self, correlation_id: &Text) -> Message {
        loop {
            if let Some(answer) = self.answers.remove(correlation_id) {
                return answer;
            }
            let answer = soon("an answer", self.replies.receive()).await.expect("the queue lives");
            let id = answer.properties.correlation_id.clone().expect("an answer has one");
            assert_eq!(self.answers.insert(id, answer), None, "answered twice");
        }
    }

    /// Answers that nobody asked for yet.
    pub(super) fn answers_left(&self) -> usize {
        self.answers.len()
    }

    /// Asks where an order is, and must be told.
    pub(super) async fn ask(&mut self, order: &str) {
        let request = self.status_request(order);
        let id = request.properties.correlation_id.clone().expect("has one");
        self.send(&to_queue(&"chat.order-status".into()), request).await;
        let answer = self.answer_to(&id).await;
        assert_eq!(answer.headers.get("trunkline-error"), None);
        assert_eq!(answer.properties.content_type.as_deref(), Some("application/json"));
        let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("is JSON");
        assert_eq!((&body["order_id"], &body["status"]), (&format!("{order:0>10}").into(), &"shipped".into()));
        assert_eq!(body["parcels"][0]["url"], "https://tracking.example/dhl/00340434161094042557");
    }

    /// The next message of a queue, acknowledged.
    pub(super) async fn next(&self, source: &mut Box<dyn Source>) -> Delivery {
        let delivery = soon("a delivery", source.receive(1)).await.expect("the consumer lives").remove(0);
        source.settle(Settlement::Ack(delivery.tag)).await.expect("acknowledged");
        delivery
    }

    /// Nothing is left in a queue from which nobody takes: what is sent now comes first.
    pub(super) async fn is_empty(&self, name: &str) {
        let mut source = self.source(name).await;
        self.send(&to_queue(&Text::from(name)), message("last", "last")).await;
        let next = self.next(&mut source).await;
        assert_eq!(next.message.properties.message_id.as_deref(), Some("last"), "left in `{name}`: {next:?}");
    }
}

async fn answer_all(mut source: Box<dyn Source>, sink: Arc<dyn Sink>) {
    while let Ok(batch) = source.receive(100).await {
        let mut last = None;
        for Delivery { tag, message: request, .. } in batch {
            last = Some(tag);
            let Some(reply_to) = request.properties.reply_to.clone() else { continue };
            let mut answer = erp_answer(&String::from_utf8_lossy(&request.body));
            answer.properties.correlation_id = request.properties.correlation_id.clone();
            // Who has gone meanwhile gets nothing.
            let _gone = sink.send(&to_queue(&reply_to), answer).await;
        }
        let Some(tag) = last else { return };
        if source.settle(Settlement::AckThrough(tag)).await.is_err() {
            return;
        }
    }
}

/// Orders from 900 on are trouble.
fn erp_answer(request: &str) -> Message {
    let order = request.split("OrderNumber>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
    let status = STATUS.replace("0000004711", order);
    let mut answer = message("a", &status);
    answer.properties.content_type = Some("application/xml".into());
    match order.trim_start_matches('0') {
        "900" => drop(answer.headers.insert("trunkline-error".into(), Field::text("the archive is closed"))),
        "901" => answer.body = status.replace("<s:State>30</s:State>", "<s:State>31</s:State>").into(),
        "902" => answer.body = bytes::Bytes::from_static(b"\xff\xfe rubbish"),
        "903" => answer.body = status.replace(">DHL<", ">GLS<").into(),
        "904" => answer.properties.content_type = Some("application/json".into()),
        _ => {}
    }
    answer
}
