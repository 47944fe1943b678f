//! The store in Redis, at a real one.

use std::process::Command;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use trunkline::adapter::store::RedisStore;
use trunkline::endpoint::store::{Change, Claim, Expect, Key, Name, Store};

use crate::broker::{soon, unique, variable};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn store() -> RedisStore {
    RedisStore::new(&variable("TRUNKLINE_TEST_REDIS_URL")).expect("an address")
}

/// A key of this test alone.
fn key() -> Key {
    Key { route: unique("route"), key: "ä: 1".into() }
}

async fn client() -> MultiplexedConnection {
    let client = redis::Client::open(variable("TRUNKLINE_TEST_REDIS_URL")).expect("an address");
    client.get_multiplexed_async_connection().await.expect("Redis is reachable")
}

fn name(key: &Key) -> String {
    format!("trunkline:{}:{}", key.route, key.key)
}

/// Claims as a message does that waits for its twin.
async fn claim_or_wait(store: &RedisStore, key: &Key) -> Claim {
    loop {
        match store.claim(key, SystemTime::now()).await.expect("Redis works") {
            Claim::Pending => store.changed(key).await,
            known => return known,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_know_each_others_keys() {
    let (one, other, a) = (store(), store(), key());
    let now = SystemTime::now();
    assert_eq!(one.claim(&a, now).await, Ok(Claim::New));
    assert_eq!(one.claim(&a, now).await, Ok(Claim::Pending));
    assert_eq!(other.claim(&a, now).await, Ok(Claim::Pending));
    one.release(&a);
    assert_eq!(soon("free", claim_or_wait(&other, &a)).await, Claim::New);
    other.complete(&a, now + DAY).await.expect("Redis works");
    assert_eq!(one.claim(&a, now).await, Ok(Claim::Done));
    assert_eq!(other.claim(&a, now).await, Ok(Claim::Done));
    // What is done stays, whoever gives up a claim that it no longer has.
    one.release(&a);
    assert_eq!(store().claim(&a, now).await, Ok(Claim::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_forgotten_when_its_time_is_over() {
    let (one, a) = (store(), key());
    assert_eq!(one.claim(&a, SystemTime::now()).await, Ok(Claim::New));
    one.complete(&a, SystemTime::now() + DAY).await.expect("Redis works");
    let left: i64 = client().await.pttl(name(&a)).await.expect("Redis works");
    assert!((1..=i64::try_from(DAY.as_millis()).expect("fits")).contains(&left), "{left}");
    let b = key();
    assert_eq!(one.claim(&b, SystemTime::now()).await, Ok(Claim::New));
    one.complete(&b, SystemTime::now() + Duration::from_millis(20)).await.expect("Redis works");
    soon("forgotten", async { while one.claim(&b, SystemTime::now()).await != Ok(Claim::New) {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claim_of_a_dead_instance_ends_with_its_lease() {
    let url = variable("TRUNKLINE_TEST_REDIS_URL");
    let (one, a) = (RedisStore::with_lease(&url, Duration::from_millis(900)).expect("an address"), key());
    assert_eq!(one.claim(&a, SystemTime::now()).await, Ok(Claim::New));
    let mut client = client().await;
    // As long as it lives its lease gets longer again.
    soon("a renewed lease", async {
        let mut before = i64::MAX;
        loop {
            let left: i64 = client.pttl(name(&a)).await.expect("Redis works");
            assert!(left > 0, "the lease has ended");
            if left > before {
                break;
            }
            before = left;
        }
    })
    .await;
    let other = store();
    assert_eq!(other.claim(&a, SystemTime::now()).await, Ok(Claim::Pending));
    // It is gone without a word: nobody has released the key.
    drop(one);
    assert_eq!(soon("free", claim_or_wait(&other, &a)).await, Claim::New);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_crowd_at_two_instances_one_is_first() {
    let (stores, route) = ([store(), store()], unique("route"));
    let one = |n: usize| {
        let (store, key) = (&stores[n / 20 % 2], Key { route: route.clone(), key: (n % 20).to_string().into() });
        async move {
            if claim_or_wait(store, &key).await == Claim::Done {
                return 0;
            }
            store.complete(&key, SystemTime::now() + DAY).await.expect("Redis works");
            1
        }
    };
    assert_eq!(soon("all", join_all((0..400).map(one))).await.into_iter().sum::<usize>(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_change_records_one_after_the_other() {
    let (one, other, now) = (store(), store(), SystemTime::now());
    let names = ["a", "ä: b"].map(|key| Name { space: unique("space"), key: key.into() });
    let change = |name: &Name, expect, value: Option<&'static [u8]>, lives: Option<Duration>| Change {
        name: name.clone(),
        expect,
        to: value.map(|value| (value.into(), lives.map(|lives| now + lives))),
    };
    let bytes: &[u8] = &[0, 255, b'\r', b'\n'];
    let both = [
        change(&names[0], Expect::Nothing, Some(bytes), Some(DAY)),
        change(&names[1], Expect::Nothing, Some(b""), None),
    ];
    assert_eq!(one.commit(&both, now).await, Ok(true));
    assert_eq!(other.commit(&both, now).await, Ok(false));
    let [first, second] = [other.load(&names[0], now).await, other.load(&names[1], now).await]
        .map(|found| found.expect("Redis works").expect("is there"));
    assert_eq!((first.value.as_ref(), second.value.as_ref()), (bytes, &b""[..]));
    let until = first.until.expect("ends");
    assert!(until <= now + DAY && until > now + DAY / 2, "{until:?}");
    assert_eq!(second.until, None);
    // One that does not fit holds both back.
    let wrong = [
        change(&names[0], Expect::Version(first.version), None, None),
        change(&names[1], Expect::Version(second.version + 1), None, None),
    ];
    assert_eq!(one.commit(&wrong, now).await, Ok(false));
    let right = [
        change(&names[0], Expect::Version(first.version), None, None),
        change(&names[1], Expect::Version(second.version), Some(b"new"), Some(Duration::from_millis(20))),
    ];
    assert_eq!(one.commit(&right, now).await, Ok(true));
    assert_eq!(other.load(&names[0], now).await, Ok(None));
    soon("forgotten", async { while other.load(&names[1], now).await != Ok(None) {} }).await;
    assert_eq!(one.commit(&[change(&names[0], Expect::Nothing, Some(b"again"), None)], now).await, Ok(true));
    let again = one.load(&names[0], now).await.expect("Redis works").expect("is there");
    assert!(again.version > second.version, "versions never come again");
    let gone = [change(&names[0], Expect::Anything, None, None)];
    assert_eq!(one.commit(&gone, now).await, Ok(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_is_found_again_with_its_keys() {
    const SERVER: &str = "killed";
    let script = |command: &'static str| {
        tokio::task::spawn_blocking(move || {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/redis");
            let output = Command::new(path).args([command, SERVER]).output().expect("the script runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).expect("is UTF-8")
        })
    };
    let printed = script("start").await.expect("starts");
    let url = printed.trim().strip_prefix("TRUNKLINE_TEST_REDIS_URL=").expect("an address");
    let (one, a, b) = (RedisStore::new(url).expect("an address"), key(), key());
    let now = SystemTime::now();
    assert_eq!(one.claim(&a, now).await, Ok(Claim::New));
    one.complete(&a, now + DAY).await.expect("Redis works");
    assert_eq!(one.claim(&b, now).await, Ok(Claim::New));
    script("kill").await.expect("is killed");
    one.complete(&b, now + DAY).await.expect_err("nobody is there");
    one.claim(&key(), now).await.expect_err("nobody is there");
    script("start").await.expect("starts again");
    soon("connected again", async { while one.complete(&b, now + DAY).await.is_err() {} }).await;
    assert_eq!(one.claim(&a, now).await, Ok(Claim::Done));
    assert_eq!(one.claim(&b, now).await, Ok(Claim::Done));
    script("stop").await.expect("stops");
}

#[test]
fn an_address_is_checked() {
    for wrong in ["", "localhost", "http://localhost", "redis://"] {
        assert!(RedisStore::check(wrong).is_err(), "{wrong}");
    }
    for good in ["redis://localhost", "rediss://user:password@redis.example:6380/2", "redis://127.0.0.1:6379/0"] {
        RedisStore::check(good).expect(good);
    }
}
