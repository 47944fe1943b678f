//! `trunkline dlq`: what is listed stays, what is put back goes its way, once.

use serde_json::Value;
use trunkline::endpoint::Adapter;

use super::process::{Start, VirtualHost, example};
use super::shop::Shop;
use crate::broker::{bound, ctl, message, to_queue};
use crate::program::{Output, trunkline};

const LEAD: &str = include_str!("../../../examples/messages/lead.json");

async fn dlq(host: &VirtualHost, arguments: &[&str]) -> Output {
    let program = trunkline().arg("dlq").args(arguments).env("TRUNKLINE__BROKER__URL", host.url());
    tokio::task::spawn_blocking(move || program.run()).await.expect("runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_listed_and_put_back() {
    let host = VirtualHost::new().await;
    let out = dlq(&host, &["list", "crm/lead-capture"]).await;
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    assert!(out.stderr.contains("there is no queue `chat.leads.dlq`"), "{out:?}");

    let shop = Shop::open(host.adapter().open().await.expect("a session")).await;
    let bus = Start::project(example()).at(host.url()).ready().await;
    // Nobody is bound to the CRM's exchange yet, and rubbish will never be a lead.
    let ids = ["bad", "good", "late"];
    for (id, body) in ids.into_iter().zip(["rubbish", LEAD, LEAD]) {
        shop.send(&to_queue(&"chat.leads".into()), message(id, body)).await;
        bus.logged(&format!("\"message dead-lettered\",\"route\":\"crm/lead-capture\",\"message_id\":\"{id}\"")).await;
    }
    // Looking changes nothing, however often.
    for _ in 0..2 {
        let out = dlq(&host, &["list", "crm/lead-capture", "--format", "json"]).await;
        assert_eq!((out.code, out.stderr.as_str()), (0, "listed 3 of 3 dead letters\n"), "{out:?}");
        let letters: Vec<Value> = out.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let seen: Vec<_> = letters.iter().map(|one| (one["message_id"].as_str(), one["type"].as_str())).collect();
        let [bad, good, late] = ids.map(Some);
        assert_eq!(seen, [(bad, Some("syntax")), (good, Some("unroutable")), (late, Some("unroutable"))]);
        assert!(letters.iter().all(|one| one["attempts"] == 1 && one["reason"].is_string()), "{letters:?}");
    }
    let out = dlq(&host, &["list", "crm/lead-capture", "--limit", "2", "--type", "unroutable"]).await;
    assert_eq!(out.stderr, "listed 1 of 3 dead letters, of which 2 were looked at\n", "{out:?}");
    assert!(out.stdout.contains(" good: unroutable"), "{out:?}");

    let mut crm = bound(&"crm".into(), &"test.crm".into(), "lead.import");
    crm.exchanges.clear();
    for key in ["lead.import", "newsletter.subscribe"] {
        crm.bindings[0].routing_key = key.into();
        shop.session.declare(&crm).await.expect("declared");
    }
    let out = dlq(&host, &["replay", "crm/lead-capture", "--id", "late"]).await;
    assert_eq!((out.code, out.stderr.as_str()), (0, "put back 1 of 3 dead letters\n"), "{out:?}");
    let mut inbox = shop.source("test.crm").await;
    assert_eq!(shop.next(&mut inbox).await.message.properties.message_id.as_deref(), Some("late"));

    // What fails again is there again, and goes round once.
    let out = dlq(&host, &["replay", "crm/lead-capture"]).await;
    assert_eq!((out.code, out.stderr.as_str()), (0, "put back 2 of 2 dead letters\n"), "{out:?}");
    let mut good = shop.next(&mut inbox).await.message;
    while good.properties.message_id.as_deref() == Some("late") {
        good = shop.next(&mut inbox).await.message;
    }
    assert_eq!(good.properties.message_id.as_deref(), Some("good"));
    assert!(good.headers.keys().all(|name| !name.starts_with("trunkline-failure")), "{:?}", good.headers);
    bus.stop().await;
    let out = dlq(&host, &["list", "crm/lead-capture"]).await;
    assert_eq!((out.code, out.stderr.as_str()), (0, "listed 1 of 1 dead letter\n"), "{out:?}");
    assert!(out.stdout.contains(" bad: syntax, 1 attempt: "), "{out:?}");
    shop.is_empty("chat.leads").await;

    // What cannot be put back stays.
    let name = host.name().to_owned();
    tokio::task::spawn_blocking(move || ctl(&["delete_queue", "-p", &name, "chat.leads"])).await.expect("is deleted");
    let out = dlq(&host, &["replay", "crm/lead-capture"]).await;
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    assert!(out.stderr.contains("after 0 messages that are back: there is no queue `chat.leads`"), "{out:?}");
    let mut letters = shop.source("chat.leads.dlq").await;
    assert_eq!(shop.next(&mut letters).await.message.properties.message_id.as_deref(), Some("bad"));
}

#[test]
fn an_embedded_broker_keeps_no_letters() {
    let out = trunkline().args(["dlq", "list", "crm/lead-capture"]).env("TRUNKLINE__BROKER", "embedded").run();
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    let out = trunkline().args(["dlq", "list", "crm/lead-captur"]).run();
    assert!(out.code == 2 && out.stderr.contains("did you mean `crm/lead-capture`?"), "{out:?}");
}
