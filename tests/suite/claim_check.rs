//! Large bodies in the store of a running bus, with the embedded broker and with RabbitMQ.

use std::sync::Arc;

use trunkline::adapter::store::FileStore;
use trunkline::message::Message;
use trunkline::runtime::{Bus, Settings};

use crate::broker::{message, one_queue, soon, to_queue, unique};
use crate::runtime::{Names, brokers, header, plan, take};

const CHECK_IN: &str = "
from: { amqp: { queue: IN } }
steps:
  - claim_check: { above: 1KiB, keep: 1h }
  - to: { amqp: { routing_key: OUT } }
";
const FETCH: &str = "
from: { amqp: { queue: IN } }
steps:
  - claim_check: fetch
  - to: { amqp: { routing_key: OUT } }
";

/// One bus puts bodies into its file, is stopped, and another one finds them there: all but the one whose record is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_comes_back_from_the_file_byte_for_byte() {
    for (client, adapter) in brokers().await {
        let (source, between, target) = (unique("in"), unique("between"), unique("out"));
        let names = Names { source: source.clone(), target: between.clone(), other: unique("other") };
        let fetching = Names { source: between.clone(), target: target.clone(), other: unique("other") };
        let (check_in, fetch) = (plan(&names, CHECK_IN), plan(&fetching, FETCH));
        // The queues of the routes as the routes declare them.
        for topology in [check_in.topology(), fetch.topology(), &one_queue(&target)] {
            client.declare(topology).await.expect("declared");
        }
        let sink = client.sink().await.expect("a lane");
        let body: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let large = Message { body: body.into(), ..message("large", "") };
        for message in [large.clone(), message("small", "small")] {
            sink.send(&to_queue(&source), message).await.expect("confirmed");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let store = |name: &str| Arc::new(FileStore::open(&folder.path().join(name), 10, 1 << 20).expect("opens"));

        let (first, second) = (store("first"), store("second"));
        let bus = Bus::start_with([check_in], Arc::clone(&adapter), Some(first.clone()), Settings::default());
        let mut passed = client.source(&between, 10).await.expect("a consumer");
        let mut claims = take(&mut *passed, 2).await;
        passed.close().await.expect("closed");
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
        claims.sort_by_key(|delivery| delivery.message.properties.message_id.clone());
        let (checked, small) = (&claims[0].message, &claims[1].message);
        assert_eq!((checked.body.len(), small.body.as_ref()), (0, &b"small"[..]));

        // A bus with another store says what is wrong; the dead letter has the claim, and comes back when it is sent again.
        let bus = Bus::start_with([Arc::clone(&fetch)], Arc::clone(&adapter), Some(second), Settings::default());
        soon("ready", bus.ready()).await;
        sink.send(&to_queue(&between), checked.clone()).await.expect("confirmed");
        let mut dead = client.source(&format!("{between}.dlq"), 10).await.expect("a consumer");
        let letter = take(&mut *dead, 1).await.remove(0).message;
        assert_eq!(header(&letter, "trunkline-failure-type"), "claim");
        assert_eq!(header(&letter, "trunkline-claim"), header(checked, "trunkline-claim"));
        assert_eq!(soon("drained", bus.shutdown()).await, 0);

        let bus = Bus::start_with([fetch], adapter, Some(first), Settings::default());
        sink.send(&to_queue(&between), letter).await.expect("confirmed");
        let mut out = client.source(&target, 10).await.expect("a consumer");
        let whole = take(&mut *out, 1).await.remove(0).message;
        assert_eq!((whole.body, whole.headers.len()), (large.body, 0));
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}
