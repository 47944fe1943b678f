//! A message comes out as it went in.

use bytes::Bytes;
use trunkline::endpoint::Settlement;
use trunkline::message::{Field, Headers, Message, Properties};

use super::{Site, consume, send_one, take};
use crate::broker::message;

/// What comes out of a queue, for each message in order.
async fn through(site: &Site, messages: Vec<Message>) -> Vec<Message> {
    let (session, name) = site.with_queue("q", &[]).await;
    let count = messages.len();
    for message in messages {
        send_one(&session, &name, message).await.expect("confirmed");
    }
    let mut source = consume(&session, &name, 1_000).await;
    take(&mut source, count).await.into_iter().map(|delivery| delivery.message).collect()
}

pub(super) async fn every_property_is_kept(site: &Site) {
    let full = Properties {
        content_type: Some("application/json".into()),
        content_encoding: Some("identity".into()),
        delivery_mode: Some(2),
        priority: Some(3),
        correlation_id: Some("c".into()),
        reply_to: Some("r".into()),
        expiration: Some("3600000".into()),
        message_id: Some("m".into()),
        timestamp: Some(1_700_000_001),
        kind: Some("k".into()),
        user_id: Some("guest".into()),
        app_id: Some("a".into()),
        cluster_id: Some("o".into()),
    };
    let odd = Properties {
        content_type: Some("".into()),
        correlation_id: Some("grün".into()),
        timestamp: Some(u64::MAX),
        priority: Some(255),
        delivery_mode: Some(1),
        ..Properties::default()
    };
    let all = [full, odd, Properties::default()];
    let mut messages: Vec<_> =
        all.map(|properties| Message { properties: properties.into(), ..Message::default() }).into();
    let arrived = through(site, messages.clone()).await;
    if site.is_rabbitmq_4() {
        // A priority above 4 goes first.
        messages.swap(0, 1);
    }
    assert_eq!(arrived, messages);
}

pub(super) async fn every_header_is_kept(site: &Site) {
    let scalars: Headers = [
        ("void".into(), Field::Void),
        ("bool".into(), Field::Bool(true)),
        ("i8".into(), Field::I8(-5)),
        ("u8".into(), Field::U8(250)),
        ("i16".into(), Field::I16(-300)),
        ("u16".into(), Field::U16(60_000)),
        ("i32".into(), Field::I32(-70_000)),
        ("u32".into(), Field::U32(4_000_000_000)),
        ("i64".into(), Field::I64(i64::MIN)),
        ("f32".into(), Field::F32(1.5)),
        ("f64".into(), Field::F64(0.1)),
        ("decimal".into(), Field::Decimal { scale: 2, value: 1990 }),
        ("text".into(), Field::text("grün")),
        ("empty".into(), Field::text("")),
        ("not text".into(), Field::LongString(Bytes::from_static(b"\xff\x00"))),
        ("timestamp".into(), Field::Timestamp(1_700_000_000)),
        ("bytes".into(), Field::Bytes(Bytes::from_static(b"\x00\x01"))),
    ]
    .into();
    let list = Field::Array(scalars.values().cloned().collect());
    let mut all = scalars.clone();
    all.insert("list".into(), list.clone());
    all.insert("table".into(), Field::Table([("inner".into(), list), ("t".into(), Field::Table(scalars))].into()));
    all.insert("no items".into(), Field::Array(Vec::new()));
    all.insert("no members".into(), Field::Table(Headers::new()));
    all.insert("x-own".into(), Field::text("kept"));
    let messages = vec![Message { headers: all, ..message("m", "m") }];
    assert_eq!(through(site, messages.clone()).await, messages);
}

pub(super) async fn any_body_is_kept(site: &Site) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies = [Vec::new(), every_byte.clone(), every_byte.repeat(8_192), vec![0; 131_072], vec![0xce; 131_065]];
    let messages: Vec<_> = bodies.map(|body| Message { body: body.into(), ..message("m", "") }).into();
    assert_eq!(through(site, messages.clone()).await, messages);
}

pub(super) async fn what_is_sent_twice_comes_twice(site: &Site) {
    let twice = vec![message("same", "same"), message("same", "same")];
    assert_eq!(through(site, twice.clone()).await, twice);
    // What is given again is the same message, but for the broker's own count.
    let (session, name) = site.with_queue("q", &[]).await;
    send_one(&session, &name, message("m", "m")).await.expect("confirmed");
    let mut source = consume(&session, &name, 1).await;
    let first = take(&mut source, 1).await.remove(0);
    source.settle(Settlement::Requeue(first.tag)).await.expect("requeued");
    let mut second = take(&mut source, 1).await.remove(0);
    assert_eq!(second.message.headers.remove("x-delivery-count"), Some(Field::I64(1)));
    assert_eq!((second.message, second.address), (first.message, first.address));
}
