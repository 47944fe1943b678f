//! What everything in a run shares.

use std::collections::VecDeque;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use lapin::{Channel, Connection, ConnectionProperties};

use super::bus::{Bus, Log};
use super::ledger::Ledger;
use super::node::Node;
use super::project::{PLACES, Place, ROUTES, Route};

/// Nothing that is asked of the broker takes longer, as long as nobody harms it.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct World {
    start: Instant,
    pub folder: PathBuf,
    pub messages: u32,
    /// One, or those of a cluster.
    pub nodes: Vec<Node>,
    /// One, or as many as nodes take work from the same queues.
    pub buses: Vec<tokio::sync::Mutex<Bus>>,
    pub logs: Vec<Arc<Log>>,
    /// Which node the next connection goes to.
    turn: AtomicUsize,
    ledger: Mutex<Ledger>,
    pub switches: Switches,
    /// The highest number that may be published before the next faults.
    pub limit: AtomicU32,
    /// Whether a fault is at work, or traffic does not flow yet.
    pub troubled: AtomicBool,
    /// Rises with each round of the generator.
    pub rounds: AtomicU32,
    /// When the latest message of each route was published that has arrived.
    pub freshest: [AtomicU32; ROUTES.len()],
    pub generated: AtomicBool,
    /// Resident memory in KiB by time.
    pub memory: Mutex<Vec<(u32, u64)>>,
    /// The load of the machine, as often as the memory.
    pub loads: Mutex<Vec<f64>>,
    pub flood: bool,
}

/// How the others behave.
#[derive(Default)]
pub struct Switches {
    /// Routes that get no messages for a while.
    pub held: [AtomicBool; ROUTES.len()],
    /// Places from which nobody takes.
    pub blind: [AtomicBool; PLACES.len()],
    pub erp: AtomicU32,
}

impl World {
    pub fn new(folder: PathBuf, (messages, flood): (u32, bool), nodes: Vec<Node>, buses: Vec<Bus>) -> Self {
        Self {
            start: Instant::now(),
            folder,
            messages,
            logs: buses.iter().map(Bus::log).collect(),
            ledger: Mutex::new(Ledger::new(messages, buses.len())),
            nodes,
            buses: buses.into_iter().map(tokio::sync::Mutex::new).collect(),
            turn: AtomicUsize::new(0),
            switches: Switches::default(),
            limit: AtomicU32::new(0),
            troubled: AtomicBool::new(false),
            rounds: AtomicU32::new(0),
            freshest: Default::default(),
            generated: AtomicBool::new(false),
            memory: Mutex::default(),
            loads: Mutex::default(),
            flood,
        }
    }

    /// Milliseconds of the run.
    pub fn now(&self) -> u32 {
        u32::try_from(self.start.elapsed().as_millis()).expect("shorter than 49 days")
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("not poisoned")
    }

    /// The node by which the broker is asked and told.
    pub fn node(&self) -> &Node {
        &self.nodes[0]
    }

    /// One of the instances of the bus.
    pub fn any_bus(&self, random: &mut fastrand::Rng) -> &tokio::sync::Mutex<Bus> {
        &self.buses[random.usize(..self.buses.len())]
    }

    /// How often an instance was killed.
    pub fn kills(&self) -> u32 {
        self.logs.iter().map(|log| log.kills.load(Ordering::Relaxed)).sum()
    }

    /// The most memory that an instance of the bus was seen with.
    pub fn peak_mib(&self) -> f64 {
        let memory = self.memory.lock().expect("not poisoned");
        memory.iter().map(|(_, kib)| *kib).max().unwrap_or_default() as f64 / 1024.0
    }

    /// The mean load of the machine.
    pub fn load(&self) -> f64 {
        let loads = self.loads.lock().expect("not poisoned");
        loads.iter().sum::<f64>() / loads.len().max(1) as f64
    }

    pub fn is_held(&self, route: Route) -> bool {
        self.switches.held[route as usize].load(Ordering::Relaxed)
    }

    pub fn is_blind(&self, place: Place) -> bool {
        self.switches.blind[place as usize].load(Ordering::Relaxed)
    }

    /// Keeps messages from a route until all that it has are where they belong: then its queues are empty. If they do not
    /// get there, they are lost, and that is entered as wrong.
    pub async fn quiesce(&self, route: Route) -> bool {
        self.switches.held[route as usize].store(true, Ordering::Relaxed);
        let round = self.rounds.load(Ordering::Relaxed);
        while self.rounds.load(Ordering::Relaxed) < round + 2 && !self.generated.load(Ordering::Relaxed) {
            pause(10).await;
        }
        let patience = self.now() + LONGEST_RECOVERY_MILLIS;
        while self.ledger().open(route) > 0 && self.now() < patience {
            pause(10).await;
        }
        let open = self.ledger().open(route);
        if open > 0 {
            self.ledger().wrong.push(format!("{open} messages of {} have come nowhere for two minutes", route.name()));
        }
        open == 0
    }

    pub fn release(&self, route: Route) {
        self.switches.held[route as usize].store(false, Ordering::Relaxed);
    }

    /// A connection of whoever speaks with the broker.
    pub async fn connect(&self) -> lapin::Result<Connection> {
        let mut outcome = Err(lapin::ErrorKind::IOError(Arc::new(std::io::ErrorKind::NotFound.into())).into());
        for _ in &self.nodes {
            let node = &self.nodes[self.turn.fetch_add(1, Ordering::Relaxed) % self.nodes.len()];
            outcome = within(Connection::connect(&node.url(), ConnectionProperties::default())).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Does something with a channel of its own, again and again until it succeeds.
    pub async fn insist<T, F: Future<Output = lapin::Result<T>>>(&self, what: impl Fn(Channel) -> F) -> T {
        loop {
            let once = async {
                let connection = self.connect().await?;
                let done = within(what(connection.create_channel().await?)).await?;
                let _closed = within(connection.close(200, "done".into())).await;
                Ok::<_, lapin::Error>(done)
            };
            match within(once).await {
                Ok(done) => return done,
                Err(_) => pause(100).await,
            }
        }
    }

    /// Plays a part at the broker for ever: whatever ends it, it begins again on a new connection.
    pub async fn play<F: Future<Output = lapin::Result<()>>>(&self, part: impl Fn(Connection) -> F) {
        loop {
            if let Ok(connection) = self.connect().await {
                let _lost = part(connection).await;
            }
            pause(100).await;
        }
    }
}

/// Traffic that does not flow so long after a fault does not flow any more.
pub const LONGEST_RECOVERY_MILLIS: u32 = 120_000;

pub async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// lapin itself waits for ever.
pub async fn within<T>(future: impl Future<Output = lapin::Result<T>>) -> lapin::Result<T> {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => Err(lapin::ErrorKind::IOError(Arc::new(std::io::ErrorKind::TimedOut.into())).into()),
    }
}

/// The numbers of a run that are still to be published.
pub struct Numbers {
    next: u32,
    last: u32,
    /// Published and not confirmed.
    again: VecDeque<u32>,
    /// Of routes that get nothing for the moment.
    held: VecDeque<u32>,
}

impl Numbers {
    pub fn new(last: u32) -> Self {
        Self { next: 1, last, again: VecDeque::new(), held: VecDeque::new() }
    }

    /// Up to `count` numbers: first those again, then those that were held, then up to `fresh` new ones.
    pub fn take(&mut self, count: usize, fresh: usize, is_held: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut taken = Vec::with_capacity(count);
        for queue in [&mut self.again, &mut self.held] {
            for _ in 0..queue.len() {
                let Some(number) = queue.pop_front() else { break };
                if taken.len() < count && !is_held(number) { taken.push(number) } else { queue.push_back(number) }
            }
        }
        for _ in 0..fresh {
            if taken.len() == count || self.next > self.last {
                break;
            }
            let number = self.next;
            self.next += 1;
            if is_held(number) { self.held.push_back(number) } else { taken.push(number) }
        }
        taken
    }

    pub fn again(&mut self, number: u32) {
        self.again.push_back(number);
    }

    /// How many new numbers there have been.
    pub fn published(&self) -> u32 {
        self.next - 1
    }

    pub fn is_empty(&self) -> bool {
        self.next > self.last && self.again.is_empty() && self.held.is_empty()
    }
}
