//! What the simulated participants send: good messages of every kind, and bad ones among them.

use bytes::Bytes;

use crate::endpoint::Address;
use crate::message::{Message, Properties, Text};

use super::participants::Who;

/// What must become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// An answer comes back to its sender.
    Answer,
    /// It reaches another participant.
    Delivery,
    /// It ends in its route's dead-letter queue, with a failure of this type.
    DeadLetter(&'static str),
}

/// One message of the demonstration.
#[derive(Clone, Debug)]
pub struct Sending {
    /// Who sends it.
    pub sender: Who,
    /// What is special about it, if anything.
    pub fault: Option<&'static str>,
    /// Where it goes.
    pub to: Address,
    /// The message.
    pub message: Message,
    /// What must become of it.
    pub expected: Expected,
}

const JSON: &str = "application/json";
const XML: &str = "application/xml";

/// The message of this number in this run. Those who ask are answered at `answer_to`.
pub fn sending(run: &str, number: usize, answer_to: &Text) -> Sending {
    let mut sending = of_kind(number);
    let id = Text::from(format!("demo-{run}-{number}"));
    sending.message.properties.message_id = Some(id.clone());
    if sending.to.routing_key.as_str() != "chat.leads" && sending.sender == Who::Chat {
        sending.message.properties.reply_to = Some(answer_to.clone());
        sending.message.properties.correlation_id = Some(id);
    }
    sending
}

fn of_kind(number: usize) -> Sending {
    match number % 10 {
        0 | 3 | 6 => status(number),
        1 | 7 => stock(number),
        2 | 8 => order(number),
        4 => lead(number),
        5 => shipment(number),
        _ => faulty(number / 10),
    }
}

fn message(media: &'static str, body: impl Into<Bytes>) -> Message {
    let properties =
        Properties { content_type: Some(Text::borrowed(media)), delivery_mode: Some(2), ..Properties::default() };
    Message { properties: properties.into(), body: body.into(), ..Message::default() }
}

fn queue(name: &'static str) -> Address {
    Address { exchange: Text::borrowed(""), routing_key: Text::borrowed(name) }
}

fn at(exchange: &'static str, routing_key: &'static str) -> Address {
    Address { exchange: Text::borrowed(exchange), routing_key: Text::borrowed(routing_key) }
}

fn good(sender: Who, to: Address, message: Message, expected: Expected) -> Sending {
    Sending { sender, fault: None, to, message, expected }
}

fn status(number: usize) -> Sending {
    let channel = ["web", "whatsapp", "telegram"].get(number % 3).copied().unwrap_or("web");
    let body = format!(
        r#"{{"order_id":"{number:05}","channel":"{channel}","session":"s-{number}","customer":{{"id":"C-{number:04}","email":"c{number}@example.org"}}}}"#
    );
    good(Who::Chat, queue("chat.order-status"), message(JSON, body), Expected::Answer)
}

fn stock(number: usize) -> Sending {
    let body = format!(r#"{{"articles":["007-{number:04}-B","100-0002-A"],"stores":["0100"],"session":"s-{number}"}}"#);
    good(Who::Chat, queue("chat.inventory"), message(JSON, body), Expected::Answer)
}

fn order(number: usize) -> Sending {
    let body = format!(
        r#"{{"id":"evt-{number}","topic":"orders/create","created_at":"2026-11-18T09:30:02Z","order":{{"number":"W-{number:06}","source":"web","currency":"EUR","placed_at":"2026-11-18T09:30:00Z","customer":{{"id":90071992547409931234,"first_name":"Ida","last_name":"Brandt","email":"ida@example.org"}},"billing_address":{{"name":"Ida Brandt","address1":"Hauptweg 7","zip":"01067","city":"Dresden","country_code":"DE"}},"line_items":[{{"id":12345678901234567890,"sku":"007-4410-B","title":"Oak shelf <80 cm> & brackets","quantity":3,"price":"19.90","tax_rate":0.19}}],"shipping":{{"carrier":"DHL","price":"4.90"}}}}}}"#
    );
    good(Who::Shop, at("shop", "order.created"), message(JSON, body), Expected::Delivery)
}

fn lead(number: usize) -> Sending {
    let consent = number.is_multiple_of(4);
    let body = format!(
        r#"{{"session":"s-{number}","channel":"whatsapp","name":"Jonas Weidmann","phone":"+4935112345","interest":["shelves"],"consent":{{"marketing":{consent},"at":"2026-11-20T10:15:30Z"}}}}"#
    );
    good(Who::Chat, queue("chat.leads"), message(JSON, body), Expected::Delivery)
}

fn notice(order: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<d:ShipmentNotice complete="true" xmlns:d="urn:juniper:erp:shipment:1" xmlns:c="urn:juniper:erp:common:1"><d:Header version="1.4"><c:DocumentId>SN-1</c:DocumentId><c:CreatedAt>2026-11-20T16:05:10Z</c:CreatedAt><c:Sender>ERP</c:Sender></d:Header><d:OrderNumber>{order}</d:OrderNumber><d:Customer id="C-0815"/><d:Channel>M</d:Channel><d:ShippedAt>2026-11-20T16:05:00Z</d:ShippedAt><d:ExpectedDate>2026-11-23</d:ExpectedDate><d:ShipTo><c:Name>Ida Brandt</c:Name><c:Street>Hauptweg 7</c:Street><c:PostalCode>01067</c:PostalCode><c:City>Dresden</c:City><c:Country>DE</c:Country></d:ShipTo><d:Parcel number="1"><d:Carrier>DHL</d:Carrier><d:TrackingNumber>0034</d:TrackingNumber><d:Weight unit="KGM">7.250</d:Weight><d:Content><d:Article>007-4410-B</d:Article><d:Description>Oak shelf</d:Description><d:Quantity unit="C62">3</d:Quantity><d:Serials>A1 A2 A3</d:Serials></d:Content></d:Parcel></d:ShipmentNotice>"#
    )
}

fn shipment(number: usize) -> Sending {
    let body = notice(&format!("{number:010}"));
    good(Who::Erp, at("erp", "shipment.notice"), message(XML, body), Expected::Delivery)
}

fn faulty(kind: usize) -> Sending {
    let request = |customer: &str| format!(r#"{{"order_id":"007","channel":"web","customer":{customer}}}"#);
    let chat = |fault, body: Bytes, expected| Sending {
        sender: Who::Chat,
        fault: Some(fault),
        to: queue("chat.order-status"),
        message: message(JSON, body),
        expected: Expected::DeadLetter(expected),
    };
    let erp = |fault, body: String, expected| Sending {
        sender: Who::Erp,
        fault: Some(fault),
        to: at("erp", "shipment.notice"),
        message: message(XML, body),
        expected: Expected::DeadLetter(expected),
    };
    match kind % 7 {
        0 => chat("rubbish bytes", Bytes::from_static(b"\xff\xfe\x00rubbish"), "syntax"),
        1 => chat("a duplicate key", request(r#"{"id":"C1","id":"C2"}"#).into(), "syntax"),
        2 => chat("a missing key", request("{}").into(), "contract"),
        3 => chat("100 levels deep", format!("{}{}", "[".repeat(100), "]".repeat(100)).into(), "limit"),
        4 => erp("ill-formed XML", notice("0000000007").replace("</d:Parcel>", ""), "syntax"),
        5 => erp("an order number of 3 digits", notice("007"), "contract"),
        _ => Sending {
            message: message(XML, request(r#"{"id":"C1"}"#)),
            ..chat("JSON under an XML content type", Bytes::new(), "content_type")
        },
    }
}
