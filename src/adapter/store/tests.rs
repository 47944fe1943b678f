//! The store against a model of it, with crashes, full disks and crowds.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::join_all;
use proptest::prelude::*;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use crate::endpoint::store::{Change, Claim, Expect, Key, Name, Record, Store, StoreError};

use super::records::Outcome;
use super::table::{Room, Table, Written};
use super::{Error, FileStore};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn key(route: &str, key: &str) -> Key {
    Key { route: route.into(), key: key.into() }
}

/// Room for keys, and for 1 MiB of records.
fn room(keys: u64) -> Room {
    Room { keys, bytes: 1 << 20 }
}

/// A write of keys alone.
fn mark(table: &Table, keys: &[(Key, u64)], now: u64) -> Written {
    table.write(keys, &[], now).unwrap().0
}

/// What may happen to a table.
#[derive(Clone, Debug)]
enum Op {
    /// Keys with the times for which they are kept.
    Write(Vec<(Key, u64)>),
    /// Time goes by.
    Pass(u64),
    /// Closed and opened.
    Reopen,
    /// Never closed: what the file has at this moment is what is found.
    Crash,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let one = (prop_oneof!["a", "b", "a/b"], "[ab]{1,2}|ä\0").prop_map(|(route, text)| key(&route, &text));
    let op = prop_oneof![
        4 => prop::collection::vec((one, 0u64..60), 0..8).prop_map(Op::Write),
        2 => (0u64..30).prop_map(Op::Pass),
        1 => Just(Op::Reopen),
        1 => Just(Op::Crash),
    ];
    prop::collection::vec(op, 1..16)
}

/// The table as a map.
struct Model {
    most: usize,
    until: BTreeMap<Key, u64>,
}

impl Model {
    fn write(&mut self, keys: &[(Key, u64)], now: u64) -> Written {
        self.until.extend(keys.iter().cloned());
        self.until.retain(|_, until| *until > now);
        let mut evicted = 0;
        while self.until.len() > self.most {
            let first = self.until.iter().min_by_key(|(key, until)| (**until, *key)).map(|(key, _)| key.clone());
            self.until.remove(&first.unwrap());
            evicted += 1;
        }
        Written { keys: self.until.len() as u64, evicted, bytes: 0 }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn does_what_its_model_does(ops in ops(), most in 1usize..8) {
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().join("0");
        let open = |path: &Path| Table::open(path, Room { keys: most as u64, bytes: 1 << 20 }).unwrap();
        let mut table = open(&path);
        let mut model = Model { most, until: BTreeMap::new() };
        let (mut now, mut seen) = (1_000, Vec::new());
        for (step, op) in ops.into_iter().enumerate() {
            match op {
                Op::Write(keys) => {
                    let keys: Vec<_> = keys.into_iter().map(|(key, keep)| (key, now + keep)).collect();
                    seen.extend(keys.iter().map(|(key, _)| key.clone()));
                    prop_assert_eq!(mark(&table, &keys, now), model.write(&keys, now));
                }
                Op::Pass(by) => now += by,
                Op::Reopen => {
                    drop(table);
                    table = open(&path);
                }
                Op::Crash => {
                    let found = folder.path().join((step + 1).to_string());
                    std::fs::copy(&path, &found).unwrap();
                    path = found;
                    table = open(&path);
                }
            }
            for key in &seen {
                let known = model.until.get(key).is_some_and(|until| *until > now);
                prop_assert_eq!(table.knows(key, now).unwrap(), known, "{:?}", key);
            }
        }
    }
}

/// A disk in memory that can be full.
#[derive(Clone, Debug)]
struct Disk {
    bytes: Arc<InMemoryBackend>,
    full: Arc<AtomicBool>,
}

impl Disk {
    fn room(&self) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.bytes.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.bytes.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.room()?;
        self.bytes.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.room()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room()?;
        self.bytes.write(offset, data)
    }
}

#[test]
fn a_full_disk_is_an_error_until_there_is_room() {
    let disk = Disk { bytes: Arc::new(InMemoryBackend::new()), full: Arc::default() };
    let opened = disk.clone();
    let open = move || redb::Database::builder().create_with_backend(opened.clone());
    let table = Table::with(Box::new(open), room(100)).unwrap();
    let (a, b) = (key("r", "a"), key("r", "b"));
    mark(&table, &[(a.clone(), 10)], 0);
    disk.full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        table.write(&[(b.clone(), 10)], &[], 0).unwrap_err();
    }
    disk.full.store(false, Ordering::SeqCst);
    // Whatever state the failure has left: it takes at most one more attempt.
    if table.write(&[(b.clone(), 10)], &[], 0).is_err() {
        mark(&table, &[(b.clone(), 10)], 0);
    }
    assert_eq!((table.knows(&a, 0), table.knows(&b, 0)), (Ok(true), Ok(true)));
}

#[test]
fn a_file_that_is_written_for_ever_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let table = Table::open(&path, room(500)).unwrap();
    let mut largest = 0;
    for round in 0..100 {
        let keys: Vec<_> = (0..200).map(|n| (key("route", &format!("order-{round}-{n}")), round + 3)).collect();
        let written = mark(&table, &keys, round);
        assert!(written.keys <= 500, "{written:?}");
        if round == 20 {
            largest = std::fs::metadata(&path).unwrap().len();
        }
    }
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size <= largest * 2, "{largest} bytes after 20 rounds, {size} after 100");
    // Nothing new: what is over goes by itself.
    assert_eq!(mark(&table, &[], 1_000), Written::default());
}

#[test]
fn a_smaller_bound_is_reached_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let keys: Vec<_> = (0..3_000).map(|n| (key("route", &n.to_string()), 10_000 + n)).collect();
    assert_eq!(mark(&Table::open(&path, room(5_000)).unwrap(), &keys, 0).keys, 3_000);
    let table = Table::open(&path, room(10)).unwrap();
    let left: Vec<_> = std::iter::repeat_with(|| mark(&table, &[], 0).keys).take(3).collect();
    assert_eq!(left, [1_976, 952, 10]);
    assert_eq!(table.knows(&keys[2_999].0, 0), Ok(true));
    assert_eq!(table.knows(&keys[2_989].0, 0), Ok(false));
}

#[test]
fn says_why_a_file_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/keys");
    let held = Table::open(&path, room(10)).unwrap();
    assert!(matches!(Table::open(&path, room(10)), Err(Error::InUse(_))));
    drop(held);
    std::fs::write(&path, "from: { amqp: { queue: q } }").unwrap();
    assert!(matches!(Table::open(&path, room(10)), Err(Error::Broken(..))));
    assert!(matches!(Table::open(&path.join("below"), room(10)), Err(Error::Io(..))));
    assert!(matches!(Table::open(folder.path(), room(10)), Err(Error::Io(..))));
}

/// Opens a store whose predecessor may still be closing.
async fn open(path: &Path) -> FileStore {
    let opened = async {
        loop {
            match FileStore::open(path, 1_000_000, 1 << 20) {
                Err(Error::InUse(_)) => tokio::task::yield_now().await,
                opened => return opened.unwrap(),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), opened).await.expect("is closed")
}

#[tokio::test]
async fn what_is_done_outlives_the_process_and_what_is_under_way_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let (a, b, c) = (key("r", "a"), key("r", "b"), key("r", "c"));
    let now = SystemTime::now();
    {
        let store = open(&path).await;
        for one in [&a, &b, &c] {
            assert_eq!(store.claim(one, now).await, Ok(Claim::New));
            assert_eq!(store.claim(one, now).await, Ok(Claim::Pending));
        }
        store.complete(&a, now + DAY).await.unwrap();
        store.release(&c);
        assert_eq!(store.claim(&a, now).await, Ok(Claim::Done));
        assert_eq!(store.claim(&a, now + DAY).await, Ok(Claim::New));
        assert_eq!(store.claim(&c, now).await, Ok(Claim::New));
    }
    let store = open(&path).await;
    assert_eq!(store.claim(&a, now).await, Ok(Claim::Done));
    assert_eq!(store.claim(&b, now).await, Ok(Claim::New));
    assert_eq!(store.claim(&c, now).await, Ok(Claim::New));
}

#[tokio::test]
async fn the_end_of_a_claim_wakes_who_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("keys")).await;
    let a = key("r", "a");
    let now = SystemTime::now();
    assert!(store.changed(&a).now_or_never().is_some(), "nobody has it");
    assert_eq!(store.claim(&a, now).await, Ok(Claim::New));
    let mut waiting = store.changed(&a);
    assert!((&mut waiting).now_or_never().is_none());
    store.release(&a);
    assert!(waiting.now_or_never().is_some());
    assert_eq!(store.claim(&a, now).await, Ok(Claim::New));
    let waiting = store.changed(&a);
    let (completed, ()) = tokio::join!(store.complete(&a, now + DAY), waiting);
    completed.unwrap();
    assert_eq!(store.claim(&a, now).await, Ok(Claim::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_crowd_with_one_key_one_is_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder.path().join("keys")).await);
    let now = SystemTime::now();
    let one = |n: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let key = key("r", &(n % 50).to_string());
            loop {
                match store.claim(&key, now).await.unwrap() {
                    Claim::New => break,
                    Claim::Pending => store.changed(&key).await,
                    Claim::Done => return 0,
                }
            }
            tokio::task::yield_now().await;
            store.complete(&key, now + DAY).await.unwrap();
            1
        })
    };
    let firsts: usize = join_all((0..1_000).map(one)).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(firsts, 50);
}

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

fn name(key: &str) -> Name {
    Name { space: "s".into(), key: key.into() }
}

/// A change to these bytes, which live so long.
fn change(key: &str, expect: Expect, to: Option<(&str, Option<u64>)>) -> Change {
    let to = to.map(|(value, until)| (value.to_owned().into(), until.map(at)));
    Change { name: name(key), expect, to }
}

/// One commit.
fn commit(table: &Table, changes: &[Change], now: u64) -> Outcome {
    table.write(&[], &[changes.into()], now).unwrap().1.remove(0)
}

fn read(table: &Table, key: &str, now: u64) -> Option<String> {
    let record = table.load(&name(key), now).unwrap()?;
    Some(String::from_utf8(record.value.to_vec()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Commits of two changes each, against a map: what is expected decides over both, and versions never come again.
    #[test]
    fn records_do_what_their_model_does(
        commits in prop::collection::vec((("[ab]", 0u8..4, 0u64..20), ("[cd]", 0u8..4, 0u64..20), any::<bool>(), 0u64..5), 1..24)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().join("0");
        let mut table = Table::open(&path, room(10)).unwrap();
        let mut model: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let (mut now, mut versions) = (1_000, Vec::new());
        for (step, (one, other, crash, pass)) in commits.into_iter().enumerate() {
            now += pass;
            model.retain(|_, (until, _)| *until > now);
            if crash {
                let found = folder.path().join((step + 1).to_string());
                std::fs::copy(&path, &found).unwrap();
                path = found;
                table = Table::open(&path, room(10)).unwrap();
            }
            let version = |key: &str| table.load(&name(key), now).unwrap().map(|record| record.version);
            let expects = |(key, kind, _): &(String, u8, u64)| match kind {
                0 => Expect::Anything,
                1 => Expect::Nothing,
                2 => Expect::Version(version(key).unwrap_or(1_000)),
                _ => Expect::Version(version(key).unwrap_or(1_000) + 1),
            };
            let fits = |one @ (key, ..): &(String, u8, u64)| match expects(one) {
                Expect::Anything => true,
                Expect::Nothing => !model.contains_key(key),
                Expect::Version(wanted) => version(key) == Some(wanted),
            };
            let both = [one, other];
            let expected = if both.iter().all(fits) { Outcome::Done } else { Outcome::Conflict };
            let text = step.to_string();
            let to = |(key, _, keep): &(String, u8, u64)| {
                (*keep > 3).then(|| (if key == "a" { "first" } else { text.as_str() }, Some(now + keep)))
            };
            let changes: Vec<_> = both.iter().map(|one| change(&one.0, expects(one), to(one))).collect();
            prop_assert_eq!(&commit(&table, &changes, now), &expected);
            if expected == Outcome::Done {
                for (key, _, keep) in both {
                    if keep > 3 { model.insert(key, (now + keep, step as u64)); } else { model.remove(&key); }
                }
            }
            for key in ["a", "b", "c", "d"] {
                let found = table.load(&name(key), now).unwrap();
                prop_assert_eq!(found.as_ref().map(|record| record.until), model.get(key).map(|(until, _)| Some(at(*until))));
                let newest = found.filter(|_| model.get(key).is_some_and(|(_, at)| *at == step as u64 && expected == Outcome::Done));
                versions.extend(newest.map(|record| record.version));
            }
        }
        versions.dedup();
        prop_assert!(versions.is_sorted());
        // In the end all is over, and no byte is counted any more.
        prop_assert_eq!(mark(&table, &[], now + 100).bytes, 0);
    }
}

#[test]
fn records_are_refused_beyond_their_room_and_never_forgotten_before_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let table = Table::open(&folder.path().join("store"), Room { keys: 1, bytes: 1_000 }).unwrap();
    let large = "x".repeat(500);
    let put = |key: &str, until| commit(&table, &[change(key, Expect::Anything, Some((&large, until)))], 10);
    assert_eq!(put("a", Some(20)), Outcome::Done);
    assert_eq!(put("b", None), Outcome::Full);
    assert_eq!(put("a", Some(30)), Outcome::Done, "it takes no more room than before");
    assert_eq!(commit(&table, &[change("c", Expect::Nothing, Some(("small", None)))], 10), Outcome::Done);
    // Keys have a bound of their own, and are what is forgotten.
    assert_eq!(mark(&table, &[(key("r", "a"), 100), (key("r", "b"), 200)], 10).evicted, 1);
    assert_eq!(read(&table, "a", 29).as_deref(), Some(large.as_str()));
    assert_eq!(read(&table, "a", 30), None);
    // What is over makes room at once; what has no end stays.
    let again = [change("b", Expect::Nothing, Some((&large, None)))];
    assert_eq!(commit(&table, &again, 30), Outcome::Done);
    assert_eq!(read(&table, "c", u64::MAX).as_deref(), Some("small"));
    assert_eq!(commit(&table, &[change("b", Expect::Anything, None)], 30), Outcome::Done);
    assert_eq!(commit(&table, &[change("a", Expect::Nothing, Some((&large, Some(90))))], 30), Outcome::Done);
}

#[tokio::test]
async fn records_outlive_the_process_and_a_full_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let now = SystemTime::now();
    {
        let store = open(&path).await;
        let made = [change("a", Expect::Nothing, Some(("one", None)))];
        let (one, other) = tokio::join!(store.commit(&made, now), store.commit(&made, now));
        assert_ne!(one, other, "of two that expect nothing one is first");
        let huge = "x".repeat(2 << 20);
        let refused = store.commit(&[change("b", Expect::Nothing, Some((&huge, None)))], now).await;
        assert_eq!(refused, Err(StoreError("it is full: raise `store.bytes`".into())));
    }
    let store = open(&path).await;
    let found: Record = store.load(&name("a"), now).await.unwrap().expect("is there");
    assert_eq!((found.value.as_ref(), found.until), (&b"one"[..], None));
    assert_eq!(store.commit(&[change("a", Expect::Version(found.version), None)], now).await, Ok(true));
    assert_eq!(store.load(&name("a"), now).await, Ok(None));
}
