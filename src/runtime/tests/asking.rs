//! Requests and their answers.

use super::{Rig, Script, ask, header, script, take};
use crate::endpoint::Address;
use crate::message::Message;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_finds_its_request_and_a_late_one_nobody() {
    let rig = Rig::start(Script { calls: true, ..script(ask) }).await;
    rig.publish("in", ["1", "2"].map(str::to_owned)).await;
    let mut participant = rig.source("participant").await;
    let sink = rig.client.sink().await.unwrap();
    let mut requests = vec![take(&mut participant).await, take(&mut participant).await];
    requests.reverse();
    for request in requests {
        let properties = request.properties;
        assert_ne!(properties.correlation_id.as_deref(), Some("original"));
        let address = Address { exchange: "".into(), routing_key: properties.reply_to.clone().unwrap() };
        let body = format!("answer to {}", std::str::from_utf8(&request.body).unwrap()).into();
        let mut answer = Message { body, ..Message::default() };
        answer.properties.correlation_id = properties.correlation_id.clone();
        sink.send(&address, answer.clone()).await.unwrap();
        sink.send(&address, answer).await.unwrap();
    }
    let mut out = rig.source("out").await;
    let mut answers = [take(&mut out).await, take(&mut out).await];
    answers.sort_by(|a, b| a.body.cmp(&b.body));
    assert_eq!([&answers[0].body, &answers[1].body], ["answer to 1", "answer to 2"]);
    assert!(answers.iter().all(|answer| answer.properties.correlation_id.as_deref() == Some("original")));
    rig.all_settled().await;
    assert_eq!(rig.broker.depth("out"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_in_time_is_a_dead_letter() {
    let rig = Rig::start(Script { calls: true, ..script(ask) }).await;
    rig.publish("in", ["1".to_owned()]).await;
    let mut dead = rig.source("in.dlq").await;
    let letter = take(&mut dead).await;
    assert_eq!(header(&letter, "trunkline-failure-type"), Some("timeout"));
    assert_eq!(header(&letter, "trunkline-failure-class"), Some("transient"));
}
