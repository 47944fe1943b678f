//! The whole bus between two queues of a real RabbitMQ, beside a bare relay and RabbitMQ's own shovel.
//!
//! Every relay moves the same messages between quorum queues, in rounds that take turns, so that what else the machine
//! does hits all of them alike. Read the ratios, not the figures. `scripts/bench` starts the node and runs it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark that cannot run has nothing to measure"
)]

use std::time::{Duration, Instant};

#[path = "support/bare.rs"]
mod bare;
#[path = "support/broker.rs"]
mod broker;
#[path = "support/process.rs"]
mod process;
#[path = "support/relays.rs"]
mod relays;
mod support;

use broker::Client;
use process::Usage;
use relays::{RELAYS, Relay};
use support::{floor, median};

/// Messages of one round.
const MESSAGES: u32 = 20_000;
/// Enough for a median, where other programs take the machine for seconds.
const ROUNDS: usize = 7;
/// How long the latency at half load is measured.
const LOADED: Duration = Duration::from_secs(5);
/// What comes before that: the relay connects meanwhile.
const WARMING: Duration = Duration::from_secs(2);

/// What one round showed.
struct Round {
    rate: f64,
    relay_cpu: f64,
    broker_cpu: f64,
    peak_mib: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
    // The bare relay is a process of its own, so that what it costs can be told.
    if let [_, mode, url, from, to, ..] = arguments.as_slice()
        && mode == "relay"
    {
        return threads.block_on(bare::relay(url, from, to));
    }
    threads.block_on(run());
}

async fn run() {
    let client = Client::connect().await;
    let body = support::order();
    let mut rounds: Vec<Vec<Round>> = RELAYS.iter().map(|_| Vec::new()).collect();
    for relay in RELAYS {
        relay.prepare(&client).await;
    }
    for round in 1..=ROUNDS {
        for (at, relay) in RELAYS.iter().enumerate() {
            let measured = throughput(&client, *relay, &body).await;
            eprintln!(
                "round {round}: {}: {:.0} messages/s, relay {:.2} and broker {:.2} CPU s/100k",
                relay.title(),
                measured.rate,
                measured.relay_cpu,
                measured.broker_cpu
            );
            rounds[at].push(measured);
        }
    }
    let of = |at: usize, figure: fn(&Round) -> f64| median(rounds[at].iter().map(figure).collect());
    // The same load for all: half of what the slowest of them carries.
    let load = (0..RELAYS.len()).map(|at| of(at, |round| round.rate)).fold(f64::INFINITY, f64::min) / 2.0;
    println!("\n| relay | messages/s | relay CPU s/100k | broker CPU s/100k | peak MiB | p50 ms | p99 ms |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (at, relay) in RELAYS.iter().enumerate() {
        let (p50, p99) = latency(&client, *relay, &body, load).await;
        println!(
            "| {} | {:.0} | {:.2} | {:.2} | {:.1} | {p50:.1} | {p99:.1} |",
            relay.title(),
            of(at, |round| round.rate),
            of(at, |round| round.relay_cpu),
            of(at, |round| round.broker_cpu),
            of(at, |round| round.peak_mib),
        );
    }
    println!("\np50 and p99 at {load:.0} messages/s, half of what the slowest relay carries.");
    let (ready, resting) = start_and_rest(&client).await;
    println!();
    // Rounds are compared pairwise: what disturbed one of them disturbed its neighbours too.
    let against_bare = |at: usize| {
        median(rounds[at].iter().zip(&rounds[0]).map(|(one, bare): (&Round, &Round)| one.rate / bare.rate).collect())
    };
    floor("untouched, of the bare relay", against_bare(1), ">=", 0.95);
    floor("validate, map, convert, validate, of the bare relay", against_bare(2), ">=", 0.5);
    floor("resident memory at rest with the example, MiB", resting, "<", 25.0);
    floor("start to ready with the example, milliseconds", ready.as_secs_f64() * 1e3, "<", 200.0);
}

async fn throughput(client: &Client, relay: Relay, body: &[u8]) -> Round {
    let (from, to) = relay.queues();
    client.purge(&to).await;
    client.fill(&from, body, MESSAGES).await;
    let running = relay.start(client);
    let (tenth, all) = (MESSAGES / 10, MESSAGES);
    client.until(&to, tenth).await;
    let (started, first) = (Instant::now(), client.count(&to).await);
    let before = (running.usage(), client.usage());
    client.until(&to, all).await;
    let moved = f64::from(all - first);
    let seconds = started.elapsed().as_secs_f64();
    let after = (running.usage(), client.usage());
    let per_100k = |before: &Usage, after: &Usage| (after.cpu - before.cpu) / moved * 1e5;
    let round = Round {
        rate: moved / seconds,
        relay_cpu: per_100k(&before.0, &after.0),
        broker_cpu: per_100k(&before.1, &after.1),
        peak_mib: after.0.peak_mib,
    };
    running.stop().await;
    round
}

async fn latency(client: &Client, relay: Relay, body: &[u8], rate: f64) -> (f64, f64) {
    let (from, to) = relay.queues();
    client.purge(&from).await;
    client.purge(&to).await;
    let running = relay.start(client);
    let mut millis = client.load(&from, &to, body, rate, WARMING + LOADED).await;
    running.stop().await;
    millis.drain(..(rate * WARMING.as_secs_f64()) as usize);
    millis.sort_by(f64::total_cmp);
    let at = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
    (at(0.5), at(0.99))
}

/// The shipped example: how long until every route takes messages, and what it holds then.
async fn start_and_rest(client: &Client) -> (Duration, f64) {
    let mut times = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        let running = relays::example(client);
        running.wait_for("\"message\":\"ready\"");
        times.push(started.elapsed().as_secs_f64());
        tokio::time::sleep(Duration::from_secs(1)).await;
        memory.push(running.usage().resident_mib);
        running.stop().await;
    }
    // The first start declares what later ones find.
    (Duration::from_secs_f64(median(times.split_off(1))), median(memory))
}
