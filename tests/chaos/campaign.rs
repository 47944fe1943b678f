//! A run: the node, the bus, everybody around it, and the faults at their moments.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use super::bus::{Bus, libfaketime};
use super::faults::{Kind, strike};
use super::node::Node;
use super::project::{
    self, ERP, EXCHANGE, FLAKY, GROUP_TIMEOUT_MILLIS, Mix, PLACES, Place, ROOM, ROUTES, Route, sinks,
};
use super::world::{World, pause};
use super::{generator, observer, participants};

/// What a run is.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub messages: u32,
    /// Messages between one fault and the next.
    pub every: u32,
    pub kinds: Vec<Kind>,
}

/// How long nothing may arrive at the end: RabbitMQ may take three minutes to bring a message out of a wait queue.
const PATIENCE_MILLIS: u32 = 200_000;

/// The resident memory of the bus never exceeds this, whatever comes.
pub const MEMORY_MIB: f64 = 160.0;

/// Faults that strike together when so many messages were published.
pub struct Slot {
    pub at: u32,
    pub kinds: Vec<Kind>,
}

impl Plan {
    pub fn is_flood(&self) -> bool {
        self.kinds == [Kind::Flood]
    }

    /// What the run is called.
    pub fn name(&self) -> String {
        let what = match (self.is_flood(), self.is_cluster()) {
            (true, _) => " flood",
            (_, true) => " cluster",
            _ => "",
        };
        format!("Run {}{what}", self.seed)
    }

    pub fn is_cluster(&self) -> bool {
        self.kinds.iter().any(|kind| kind.needs_a_cluster())
    }

    /// How many instances of the bus share the work.
    pub fn instances(&self) -> usize {
        if self.is_cluster() { 2 } else { 1 }
    }

    /// Every kind alone in a random order, again and again; every third time with a second one beside it.
    pub fn slots(&self) -> Vec<Slot> {
        if self.is_flood() {
            return vec![Slot { at: self.every, kinds: self.kinds.clone() }];
        }
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut round: Vec<Kind> = Vec::new();
        let mut slots = Vec::new();
        for number in 1..(self.messages / self.every) {
            if round.is_empty() {
                round.clone_from(&self.kinds);
                random.shuffle(&mut round);
            }
            let mut kinds: Vec<Kind> = round.pop().into_iter().collect();
            if number % 3 == 0 {
                let second = self.kinds[random.usize(..self.kinds.len())];
                kinds.extend((second != kinds[0]).then_some(second));
            }
            slots.push(Slot { at: number * self.every, kinds });
        }
        slots
    }
}

/// Runs it, and gives what is known in the end.
pub async fn run(plan: &Plan, folder: &Path) -> Arc<World> {
    project::mix(match (plan.is_flood(), plan.is_cluster()) {
        (true, _) => Mix::Flood,
        (false, true) => Mix::Cluster,
        (false, false) => Mix::All,
    });
    // A busy machine must not look like a broker that stands still, where none does.
    let heartbeat = if plan.kinds.iter().any(|kind| kind.freezes()) { 4 } else { 30 };
    let nodes = Node::start(&format!("chaos{}", std::process::id()), plan.instances(), heartbeat);
    let mut buses = Vec::new();
    for (number, node) in nodes.iter().take(plan.instances()).enumerate() {
        let folder = if number == 0 { folder.to_owned() } else { folder.join(format!("instance{number}")) };
        project::write(&folder).expect("the project is written");
        node.hand_out_certificates(&folder);
        let url = if plan.is_cluster() { node.url() } else { node.tls_url() };
        let faketime = libfaketime().filter(|_| plan.kinds.contains(&Kind::ClockJump));
        let mut bus = Bus::new(&folder, &url, faketime);
        bus.start();
        buses.push(bus);
    }
    let world = Arc::new(World::new(folder.to_owned(), (plan.messages, plan.is_flood()), nodes, buses));
    world.insist(declare).await;
    await_routes(&world).await;
    for node in &world.nodes {
        node.run("settle").await;
    }

    let mut parts = tokio::task::JoinSet::new();
    for place in PLACES {
        parts.spawn(observer::observe(Arc::clone(&world), place));
    }
    for queue in [ERP, FLAKY] {
        parts.spawn(participants::participate(Arc::clone(&world), queue));
    }
    parts.spawn(sample(Arc::clone(&world)));
    let generator = tokio::spawn(generator::generate(Arc::clone(&world)));
    inflict(plan, &world).await;
    generator.await.expect("the generator does not panic");
    drain(&world).await;
    stop(&world).await;
    world
}

async fn inflict(plan: &Plan, world: &Arc<World>) {
    let slots = plan.slots();
    let ends = slots.iter().map(|slot| slot.at).skip(1).chain([plan.messages]);
    world.limit.store(slots.first().map_or(plan.messages, |slot| slot.at), Ordering::Relaxed);
    for (number, (slot, end)) in slots.iter().zip(ends).enumerate() {
        while world.ledger().confirmed < slot.at as usize {
            pause(5).await;
        }
        world.limit.store(end, Ordering::Relaxed);
        world.troubled.store(true, Ordering::Relaxed);
        let seed = plan.seed.wrapping_mul(1_000_003).wrapping_add(number as u64);
        let strikes = (seed..).step_by(7).zip(&slot.kinds);
        let strikes: Vec<_> =
            strikes.map(|(seed, &kind)| tokio::spawn(strike(Arc::clone(world), kind, seed))).collect();
        for strike in strikes {
            strike.await.expect("a fault does not panic");
        }
        world.troubled.store(false, Ordering::Relaxed);
        let names: Vec<_> = slot.kinds.iter().map(|kind| kind.name()).collect();
        let ledger = world.ledger();
        let took = ledger.windows.last().map_or(0, |window| window.flowing.saturating_sub(window.healed));
        eprintln!(
            "{:>7.1} s  fault {} of {}: {}; flowing again after {:.1} s; {} confirmed, {} where they belong",
            f64::from(world.now()) / 1e3,
            number + 1,
            slots.len(),
            names.join(" with "),
            f64::from(took) / 1e3,
            ledger.confirmed,
            ledger.done
        );
    }
}

/// Waits until everything is where it belongs, or nothing moves any more.
async fn drain(world: &World) {
    let (mut done, mut since) = (0, world.now());
    loop {
        let (open, now_done) = {
            let ledger = world.ledger();
            (ledger.all_open(), ledger.done)
        };
        if now_done > done {
            (done, since) = (now_done, world.now());
        }
        if open == 0 || world.now() - since > PATIENCE_MILLIS {
            return;
        }
        pause(20).await;
    }
}

/// Stops the bus, looks that nothing is left in its queues, and lets the observers take the rest.
async fn stop(world: &World) {
    // The timers of groups come back to their route as long as it is there.
    let timers = [format!("{}.retry.{GROUP_TIMEOUT_MILLIS}", Route::Gather.queue()), Route::Gather.queue()];
    let mut quiet = 0;
    while quiet < 3 && !world.flood {
        let mut waiting = 0;
        for queue in &timers {
            waiting += count(world, queue).await;
        }
        quiet = if waiting == 0 { quiet + 1 } else { 0 };
        pause(200).await;
    }
    for bus in &world.buses {
        let mut bus = bus.lock().await;
        bus.awake().await;
        bus.signal("-TERM");
        let ended = bus.ended().await;
        if ended.and_then(|status| status.code()) != Some(0) {
            world.ledger().wrong.push(format!("the bus was asked to stop at the end and ended with {ended:?}"));
        }
    }
    let waits = ROUTES.iter().flat_map(|route| route.waits());
    let own: Vec<String> = ROUTES.iter().map(|route| route.queue()).chain(waits).collect();
    let all = own.into_iter().chain(PLACES.iter().map(|place| place.queue().to_owned()));
    let deadline = world.now() + 10_000;
    for queue in all {
        // What the observers hold for the moment is none of the queue's.
        let left = loop {
            let left = count(world, &queue).await;
            if left == 0 || world.now() > deadline {
                break left;
            }
            pause(100).await;
        };
        if left > 0 {
            world.ledger().wrong.push(format!("{left} messages are left in {queue}"));
        }
    }
    if world.peak_mib() > MEMORY_MIB {
        world
            .ledger()
            .wrong
            .push(format!("the bus had {:.0} MiB at its peak, more than {MEMORY_MIB}", world.peak_mib()));
    }
    if world.logs.iter().any(|log| log.panics() > 0) {
        world.ledger().wrong.push("the bus has panicked: see its log".to_owned());
    }
}

async fn count(world: &World, queue: &str) -> u32 {
    world
        .insist(async |channel| {
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            Ok(channel.queue_declare(queue.into(), passive, FieldTable::default()).await?.message_count())
        })
        .await
}

/// The sinks and the queues of the participants: the others of the bus.
async fn declare(channel: Channel) -> lapin::Result<()> {
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    for name in sinks().map(Place::queue).chain([ERP, FLAKY]) {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        if name == Place::Retry.queue() {
            arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(ROOM));
        }
        channel.queue_declare(name.into(), durable, arguments).await?;
    }
    let exchange = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Direct, exchange, FieldTable::default()).await?;
    for (queue, key) in [(Place::Left, "left"), (Place::Right, "right")] {
        let options = QueueBindOptions::default();
        channel.queue_bind(queue.queue().into(), EXCHANGE.into(), key.into(), options, FieldTable::default()).await?;
    }
    Ok(())
}

/// Waits until the bus has declared what it needs.
async fn await_routes(world: &World) {
    for route in ROUTES {
        count(world, &route.queue()).await;
        count(world, route.dead_letters().queue()).await;
    }
}

/// Looks at the memory of the bus for ever.
async fn sample(world: Arc<World>) {
    loop {
        if let Some(resident) = world.logs.iter().filter_map(|log| log.resident()).max() {
            world.memory.lock().expect("not poisoned").push((world.now(), resident));
        }
        world.loads.lock().expect("not poisoned").extend(load());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// How many processes of the machine have wanted to run in the last minute.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
