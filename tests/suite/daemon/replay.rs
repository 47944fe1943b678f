//! Dead letters go back as the page on operations tells it.

use trunkline::endpoint::Adapter;
use trunkline::endpoint::topology::Topology;
use trunkline::message::Field;

use super::process::{Start, VirtualHost, example, project};
use super::shop::Shop;
use crate::broker::{bound, message, queue, to_queue};
use crate::docs::printed;

const LEAD: &str = include_str!("../../../examples/messages/lead.json");

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_route_replays_each_dead_letter_once() {
    let host = VirtualHost::new().await;
    let shop = Shop::open(host.adapter().open().await.expect("a session")).await;
    let aside = Topology { queues: vec![queue(&"chat.leads.dlq.dlq".into(), &[])], ..Topology::default() };
    shop.session.declare(&aside).await.expect("declared");
    let bus = Start::project(example()).at(host.url()).ready().await;
    // Nobody is bound to the CRM's exchange yet, and rubbish will never be a lead.
    shop.send(&to_queue(&"chat.leads".into()), message("good", LEAD)).await;
    shop.send(&to_queue(&"chat.leads".into()), message("bad", "rubbish")).await;
    for id in ["good", "bad"] {
        bus.logged(&format!("\"message dead-lettered\",\"route\":\"crm/lead-capture\",\"message_id\":\"{id}\"")).await;
    }
    let mut crm = bound(&"crm".into(), &"test.crm".into(), "lead.import");
    crm.exchanges.clear();
    for key in ["lead.import", "newsletter.subscribe"] {
        crm.bindings[0].routing_key = key.into();
        shop.session.declare(&crm).await.expect("declared");
    }

    let (_folder, path) = project(&[("replay", &printed("docs/operations.md", "replay/routes/leads.yaml"))]);
    let replay = Start::project(&path).at(host.url()).ready().await;
    let mut inbox = shop.source("test.crm").await;
    assert_eq!(shop.next(&mut inbox).await.message.properties.message_id.as_deref(), Some("good"));
    let mut parked = shop.source("chat.leads.dlq.dlq").await;
    let parked = shop.next(&mut parked).await.message;
    assert_eq!((parked.properties.message_id.as_deref(), &*parked.body), (Some("bad"), &b"rubbish"[..]));
    assert_eq!(parked.headers, [("replayed".into(), Field::Bool(true))].into());
    replay.stop().await;
    bus.stop().await;
    for name in ["chat.leads", "chat.leads.dlq"] {
        shop.is_empty(name).await;
    }
}
