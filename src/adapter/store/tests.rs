//! The store against a model of it, with crashes, full disks and crowds.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::join_all;
use proptest::prelude::*;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use crate::endpoint::store::{Claim, Key, Store};

use super::table::{Table, Written};
use super::{Error, FileStore};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn key(route: &str, key: &str) -> Key {
    Key { route: route.into(), key: key.into() }
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
        Written { keys: self.until.len() as u64, evicted }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn does_what_its_model_does(ops in ops(), most in 1usize..8) {
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().join("0");
        let open = |path: &Path| Table::open(path, most as u64).unwrap();
        let mut table = open(&path);
        let mut model = Model { most, until: BTreeMap::new() };
        let (mut now, mut seen) = (1_000, Vec::new());
        for (step, op) in ops.into_iter().enumerate() {
            match op {
                Op::Write(keys) => {
                    let keys: Vec<_> = keys.into_iter().map(|(key, keep)| (key, now + keep)).collect();
                    seen.extend(keys.iter().map(|(key, _)| key.clone()));
                    prop_assert_eq!(table.write(&keys, now).unwrap(), model.write(&keys, now));
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
    let table = Table::with(Box::new(open), 100).unwrap();
    let (a, b) = (key("r", "a"), key("r", "b"));
    table.write(&[(a.clone(), 10)], 0).unwrap();
    disk.full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        table.write(&[(b.clone(), 10)], 0).unwrap_err();
    }
    disk.full.store(false, Ordering::SeqCst);
    // Whatever state the failure has left: it takes at most one more attempt.
    if table.write(&[(b.clone(), 10)], 0).is_err() {
        table.write(&[(b.clone(), 10)], 0).unwrap();
    }
    assert_eq!((table.knows(&a, 0), table.knows(&b, 0)), (Ok(true), Ok(true)));
}

#[test]
fn a_file_that_is_written_for_ever_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let table = Table::open(&path, 500).unwrap();
    let mut largest = 0;
    for round in 0..100 {
        let keys: Vec<_> = (0..200).map(|n| (key("route", &format!("order-{round}-{n}")), round + 3)).collect();
        let written = table.write(&keys, round).unwrap();
        assert!(written.keys <= 500, "{written:?}");
        if round == 20 {
            largest = std::fs::metadata(&path).unwrap().len();
        }
    }
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size <= largest * 2, "{largest} bytes after 20 rounds, {size} after 100");
    // Nothing new: what is over goes by itself.
    assert_eq!(table.write(&[], 1_000).unwrap(), Written { keys: 0, evicted: 0 });
}

#[test]
fn a_smaller_bound_is_reached_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let keys: Vec<_> = (0..3_000).map(|n| (key("route", &n.to_string()), 10_000 + n)).collect();
    assert_eq!(Table::open(&path, 5_000).unwrap().write(&keys, 0).unwrap().keys, 3_000);
    let table = Table::open(&path, 10).unwrap();
    let left: Vec<_> = std::iter::repeat_with(|| table.write(&[], 0).unwrap().keys).take(3).collect();
    assert_eq!(left, [1_976, 952, 10]);
    assert_eq!(table.knows(&keys[2_999].0, 0), Ok(true));
    assert_eq!(table.knows(&keys[2_989].0, 0), Ok(false));
}

#[test]
fn says_why_a_file_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/keys");
    let held = Table::open(&path, 10).unwrap();
    assert!(matches!(Table::open(&path, 10), Err(Error::InUse(_))));
    drop(held);
    std::fs::write(&path, "from: { amqp: { queue: q } }").unwrap();
    assert!(matches!(Table::open(&path, 10), Err(Error::Broken(..))));
    assert!(matches!(Table::open(&path.join("below"), 10), Err(Error::Io(..))));
    assert!(matches!(Table::open(folder.path(), 10), Err(Error::Io(..))));
}

/// Opens a store whose predecessor may still be closing.
async fn open(path: &Path) -> FileStore {
    let opened = async {
        loop {
            match FileStore::open(path, 1_000_000) {
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
