//! The faults, and how each is done and undone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lapin::options::{QueueBindOptions, QueueDeleteOptions};
use lapin::types::FieldTable;

use super::bus::{self, Bus};
use super::ledger::Window;
use super::node::Node;
use super::participants::Mood;
use super::project::{self, EXCHANGE, Place, ROUTES, Route, routes_at_work};
use super::world::{LONGEST_RECOVERY_MILLIS, World, pause};

macro_rules! kinds {
    ($($kind:ident = $name:literal, $what:literal;)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $(#[doc = $what] $kind),* }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            pub fn what(self) -> &'static str {
                match self { $(Self::$kind => $what),* }
            }
        }
    };
}

kinds! {
    BusKill = "bus-kill", "kill -9 of the bus five to eight times, at any moment after its start";
    BusStop = "bus-stop", "SIGTERM of the bus under load, and a new start";
    BusFreeze = "bus-freeze", "the bus stands still (SIGSTOP) for longer than the broker waits for a heartbeat";
    Reload = "reload", "SIGHUP with changed routes, and once with a broken file, under load";
    BrokerKill = "broker-kill", "kill -9 of the broker, and a new start";
    BrokerStop = "broker-stop", "the broker is stopped in an orderly way and started again";
    BrokerFreeze = "broker-freeze", "the broker stands still (SIGSTOP) for longer than a heartbeat";
    ConnectionsClosed = "connections-closed", "the broker closes all connections";
    QueueDeleted = "queue-deleted", "the queue of a route is deleted under its consumer";
    DeadLettersDeleted = "dlq-deleted", "the dead-letter queue of a route is deleted";
    DeadLettersFull = "dlq-full", "the dead-letter queue of a route takes nothing more";
    Unbound = "sink-unbound", "the sink of a route is unbound from its exchange";
    Overflow = "sink-full", "the sink of a route takes nothing more (x-overflow: reject-publish)";
    MemoryAlarm = "memory-alarm", "memory alarm of the broker";
    DiskAlarm = "disk-alarm", "disk alarm of the broker";
    Certificates = "certificates", "the broker gets another authority and certificate, the bus its files and a reload later";
    DiskFull = "disk-full", "nothing more can be written to the store of keys";
    ClockJump = "clock-jump", "the clock of the bus jumps two hours ahead, then an hour back, then to the right time";
    ErpSlow = "erp-slow", "participants answer just in time";
    ErpAbsent = "erp-absent", "no participant is there";
    ErpRubbish = "erp-rubbish", "the ERP answers every other request with what its contract does not allow";
    ErpTwice = "erp-twice", "participants answer twice";
    ErpLate = "erp-late", "participants answer every other request when nobody waits any more";
    LeaderKilled = "leader-killed", "kill -9 of the node that leads a route's queue, and a new start";
    Partitioned = "node-partitioned", "one node is cut off from the two others, and pauses (pause_minority)";
    RollingRestart = "rolling-restart", "each node is stopped in an orderly way and started again, one after the other";
    Flood = "flood", "no participant is there for a minute, and nearly all messages are for it";
}

/// What is longer than twice the heartbeat.
const FROZEN_MILLIS: u64 = 10_000;
/// How long a fault lasts that ends when somebody ends it.
const HELD_MILLIS: u64 = 2_500;
const FLOOD_MILLIS: u64 = 60_000;

impl Kind {
    /// What a campaign with one node is made of; a flood is a run of its own.
    pub fn all() -> Vec<Self> {
        let is_one = |kind: &Self| *kind != Self::Flood && !kind.needs_a_cluster() && kind.is_possible();
        Self::ALL.iter().copied().filter(is_one).collect()
    }

    /// What a campaign with a cluster is made of: its own, and what may meet them.
    pub fn cluster() -> Vec<Self> {
        vec![
            Self::LeaderKilled,
            Self::Partitioned,
            Self::RollingRestart,
            Self::BusKill,
            Self::BusStop,
            Self::ConnectionsClosed,
            Self::Overflow,
            Self::ErpLate,
        ]
    }

    pub fn needs_a_cluster(self) -> bool {
        matches!(self, Self::LeaderKilled | Self::Partitioned | Self::RollingRestart)
    }

    /// Whether this machine has what it takes.
    pub fn is_possible(self) -> bool {
        self != Self::ClockJump || bus::libfaketime().is_some()
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether messages cannot be routed meanwhile.
    pub fn unbinds(self) -> bool {
        matches!(self, Self::Unbound)
    }

    /// Whether somebody stands still for longer than the heartbeat.
    pub fn freezes(self) -> bool {
        matches!(self, Self::BusFreeze | Self::BrokerFreeze)
    }

    /// Whether queues are full meanwhile.
    pub fn fills(self) -> bool {
        matches!(
            self,
            Self::Overflow
                | Self::BrokerStop
                | Self::BrokerKill
                | Self::LeaderKilled
                | Self::Partitioned
                | Self::RollingRestart
        )
    }

    /// Whether messages can come twice by it: where a confirm or an acknowledgement can be lost.
    pub fn doubles(self) -> bool {
        matches!(
            self,
            Self::BusKill
                | Self::BusFreeze
                | Self::BrokerKill
                | Self::BrokerStop
                | Self::BrokerFreeze
                | Self::ConnectionsClosed
                | Self::Certificates
                | Self::LeaderKilled
                | Self::Partitioned
                | Self::RollingRestart
        )
    }

    /// Begins and ends the fault.
    async fn inflict(self, world: &World, random: &mut fastrand::Rng) {
        match self {
            Self::BusKill => {
                let mut bus = world.any_bus(random).lock().await;
                for _ in 0..random.u32(5..=8) {
                    bus.kill().await;
                    pause(random.u64(0..300)).await;
                    bus.start();
                    pause(random.u64(0..1_500)).await;
                }
            }
            Self::BusStop => {
                let mut bus = world.any_bus(random).lock().await;
                bus.awake().await;
                bus.signal("-TERM");
                let ended = bus.ended().await;
                if ended.and_then(|status| status.code()) != Some(0) {
                    world.ledger().wrong.push(format!("the bus was asked to stop and ended with {ended:?}"));
                }
                bus.start();
            }
            Self::BusFreeze => {
                let bus = world.any_bus(random).lock().await;
                bus.signal("-STOP");
                pause(FROZEN_MILLIS).await;
                bus.signal("-CONT");
            }
            Self::Reload => reload(&*world.any_bus(random).lock().await, world, random).await,
            Self::DiskFull => {
                let bus = world.any_bus(random).lock().await;
                // Less than the file has already: whatever is written is beyond.
                bus.limit_files("4096");
                pause(2 * HELD_MILLIS).await;
                bus.limit_files("unlimited");
            }
            Self::ClockJump => {
                for offset in ["+2h", "-1h", "+0"] {
                    bus::set_clock(&world.folder, offset);
                    pause(HELD_MILLIS).await;
                }
            }
            Self::ErpSlow => mood(world, Mood::Slow).await,
            Self::ErpAbsent => mood(world, Mood::Absent).await,
            Self::Flood => {
                world.set_mood(Mood::Absent);
                pause(FLOOD_MILLIS).await;
                world.set_mood(Mood::Well);
            }
            Self::ErpRubbish => mood(world, Mood::Rubbish).await,
            Self::ErpTwice => mood(world, Mood::Twice).await,
            Self::ErpLate => mood(world, Mood::Late).await,
            Self::Overflow => {
                let blind = &world.switches.blind[Place::Retry as usize];
                blind.store(true, Ordering::Relaxed);
                pause(2 * HELD_MILLIS).await;
                blind.store(false, Ordering::Relaxed);
            }
            _ => {
                let _hands = world.node().hands.lock().await;
                self.at_the_broker(world, random).await;
            }
        }
    }

    async fn at_the_broker(self, world: &World, random: &mut fastrand::Rng) {
        let node = world.node();
        match self {
            Self::BrokerKill => {
                node.run("settle").await;
                node.run("kill").await;
                node.run("start").await;
            }
            Self::LeaderKilled => {
                let leader = node.ask(&["list_queues", "--no-table-headers", "name", "leader"]).await;
                let line = leader.lines().find(|line| line.starts_with("chaos.pass\t")).expect("a queue");
                let leads = |node: &&Node| line.ends_with(&node.erlang_name());
                let node = world.nodes.iter().find(leads).expect("one of ours");
                node.run("kill").await;
                pause(2 * HELD_MILLIS).await;
                node.run("start").await;
            }
            Self::Partitioned => {
                // Who holds a wrong cookie for the others is not let in, and lets nobody in.
                let node = &world.nodes[random.usize(..world.nodes.len())];
                let others = world.nodes.iter().map(Node::erlang_name).filter(|name| *name != node.erlang_name());
                let others: Vec<_> = others.map(|name| format!("'{name}'")).collect();
                let each = |what: &str| format!("[{what} || N <- [{}]].", others.join(","));
                node.ctl(&["eval", &each("{erlang:set_cookie(N, apart), erlang:disconnect_node(N)}")]).await;
                pause(4 * HELD_MILLIS).await;
                node.ctl(&["eval", &each("erlang:set_cookie(N, erlang:get_cookie())")]).await;
            }
            Self::RollingRestart => {
                for node in &world.nodes {
                    node.ctl(&["shutdown"]).await;
                    node.run("start").await;
                    node.ctl(&["await_online_nodes", &world.nodes.len().to_string()]).await;
                    pause(HELD_MILLIS).await;
                }
            }
            Self::BrokerStop => {
                node.ctl(&["stop_app"]).await;
                node.ctl(&["start_app"]).await;
            }
            Self::BrokerFreeze => {
                node.signal("-STOP");
                pause(FROZEN_MILLIS).await;
                node.signal("-CONT");
            }
            Self::ConnectionsClosed => node.ctl(&["close_all_connections", "chaos"]).await,
            Self::Certificates => {
                node.run("certify").await;
                node.ctl(&["eval", "ssl:clear_pem_cache()."]).await;
                node.ctl(&["close_all_connections", "chaos"]).await;
                pause(HELD_MILLIS).await;
                let bus = world.any_bus(random).lock().await;
                node.hand_out_certificates(&world.folder);
                bus.reload().await;
            }
            Self::QueueDeleted => delete(world, Route::Pass, &Route::Pass.queue()).await,
            Self::DeadLettersDeleted => delete(world, Route::Dead, Place::DeadDead.queue()).await,
            Self::DeadLettersFull => {
                let blind = &world.switches.blind[Place::DeadDead as usize];
                blind.store(true, Ordering::Relaxed);
                node.ctl(&["set_policy", "full", "^chaos[.]dead[.]dlq$", r#"{"max-length": 3}"#]).await;
                pause(HELD_MILLIS).await;
                node.ctl(&["clear_policy", "full"]).await;
                blind.store(false, Ordering::Relaxed);
            }
            Self::Unbound => {
                let (queue, key) = (Place::Right.queue(), "right");
                world
                    .insist(async |channel| {
                        channel.queue_unbind(queue.into(), EXCHANGE.into(), key.into(), FieldTable::default()).await
                    })
                    .await;
                pause(HELD_MILLIS).await;
                world
                    .insist(async |channel| {
                        let options = QueueBindOptions::default();
                        channel
                            .queue_bind(queue.into(), EXCHANGE.into(), key.into(), options, FieldTable::default())
                            .await
                    })
                    .await;
            }
            Self::MemoryAlarm => {
                node.ctl(&["set_vm_memory_high_watermark", "0.00001"]).await;
                pause(HELD_MILLIS).await;
                node.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
            }
            Self::DiskAlarm => {
                node.ctl(&["set_disk_free_limit", "900GB"]).await;
                pause(2 * HELD_MILLIS).await;
                node.ctl(&["set_disk_free_limit", "50MB"]).await;
            }
            _ => unreachable!("{} is not done to the broker", self.name()),
        }
    }
}

async fn mood(world: &World, mood: Mood) {
    world.set_mood(mood);
    pause(HELD_MILLIS).await;
    world.set_mood(Mood::Well);
}

/// Deletes a queue of a route that nothing is in: what an operator deletes with it, no bus can save.
async fn delete(world: &World, route: Route, queue: &str) {
    if world.quiesce(route).await {
        world.insist(async |channel| channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await).await;
    }
    world.release(route);
}

async fn reload(bus: &Bus, world: &World, random: &mut fastrand::Rng) {
    for _ in 0..2 {
        let generation = random.u32(1..1_000);
        for route in ROUTES.into_iter().filter(|_| random.bool()) {
            project::rewrite(&world.folder, route, generation).expect("is written");
        }
        bus.reload().await;
        pause(random.u64(0..500)).await;
    }
    let broken = world.folder.join("routes/broken.yaml");
    std::fs::write(&broken, "from: nowhere\n").expect("is written");
    bus.reload().await;
    std::fs::remove_file(&broken).expect("is there");
}

/// A fault from its beginning until traffic flows again on all routes.
pub async fn strike(world: Arc<World>, kind: Kind, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    pause(random.u64(0..300)).await;
    let began = world.now();
    kind.inflict(&world, &mut random).await;
    let healed = world.now();
    let flows_on = |route: &Route| world.freshest[*route as usize].load(Ordering::Relaxed) > healed;
    let flows = || routes_at_work().iter().all(flows_on);
    let at_the_end = || world.generated.load(Ordering::Relaxed) && world.ledger().all_open() == 0;
    while !flows() && !at_the_end() {
        // After a flood, what comes then stands behind what came before.
        if world.now() - healed > LONGEST_RECOVERY_MILLIS && kind != Kind::Flood {
            let route =
                ROUTES.into_iter().find(|route| world.freshest[*route as usize].load(Ordering::Relaxed) <= healed);
            let words = format!("no traffic flows on {route:?} two minutes after {} at {began} ms", kind.name());
            world.ledger().wrong.push(words);
            break;
        }
        pause(5).await;
    }
    let flowing = world.now();
    world.ledger().windows.push(Window { kind, began, healed, flowing });
}
