//! What a run has shown, for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::campaign::Plan;
use super::faults::Kind;
use super::ledger::{Balance, Entry, Ledger, Window};
use super::project::{PLACES, Route, routes_at_work};
use super::world::World;

/// Missing messages of which all is told.
const TOLD: usize = 20;

/// Whether the run shows that nothing is lost and nothing else is wrong.
pub fn is_good(balance: &Balance) -> bool {
    balance.missing.is_empty() && balance.wrong.is_empty() && balance.unconfirmed == 0
}

/// What is known of each message that is missing.
pub fn missing(world: &World, ledger: &Ledger, balance: &Balance) -> String {
    let mut text = String::new();
    for &number in balance.missing.iter().take(TOLD) {
        text.push_str(&one(world, ledger, number, ledger.entry(number)));
    }
    if balance.missing.len() > TOLD {
        let _infallible = writeln!(text, "all missing numbers: {:?}", balance.missing);
    }
    text
}

fn one(world: &World, ledger: &Ledger, number: u32, entry: &Entry) -> String {
    let confirmed = entry.confirmed.unwrap_or_default();
    let places = |list: Vec<&str>| if list.is_empty() { "nowhere".to_owned() } else { list.join(", ") };
    let lacks = places(entry.missing(number).iter().map(|place| place.queue()).collect());
    let found = places(entry.arrivals.iter().map(|arrival| arrival.place.queue()).collect());
    let faults: Vec<String> = ledger
        .faults(entry.published, confirmed + 5_000)
        .map(|window| format!("{} ({}–{} ms)", window.kind.name(), window.began, window.flowing))
        .collect();
    let mut text = format!(
        "message {number} of route {}: missing at {lacks}; found at {found}; published {} times, first at {} ms, \
         confirmed at {confirmed} ms; faults then: {}\n",
        Route::of(number).name(),
        entry.sends,
        entry.published,
        if faults.is_empty() { "none".to_owned() } else { faults.join(", ") }
    );
    for line in world.logs.iter().flat_map(|log| log.of(&format!("m{number}"))) {
        let _infallible = writeln!(text, "    {line}");
    }
    text
}

/// Milliseconds as seconds.
fn seconds(milliseconds: u32) -> f64 {
    f64::from(milliseconds) / 1e3
}

/// The middle and the worst of some times.
fn quantile(times: &mut [u32], share: f64) -> u32 {
    times.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = (times.len().saturating_sub(1) as f64 * share) as usize;
    times.get(at).copied().unwrap_or_default()
}

/// Columns of the summary up to the last one that counts something.
pub const COUNTED: usize = 10;
/// The head of the summary.
pub const SUMMARY: &str = "\
| | RabbitMQ | messages | faults | kill -9 of the bus | lost | dead letters | unexplained | duplicates by faults | by the producer | peak memory | took | load |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

/// A run in one row.
fn row(plan: &Plan, world: &World, ledger: &Ledger, balance: &Balance) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} MiB | {:.0} min | {:.1} on {cores} cores |",
        plan.name(),
        world.node().version(),
        ledger.confirmed,
        ledger.windows.len(),
        world.kills(),
        balance.missing.len(),
        balance.deaths.values().sum::<usize>(),
        balance.wrong.len(),
        balance.by_fault.values().sum::<usize>(),
        balance.by_producer,
        world.peak_mib(),
        seconds(world.now()) / 60.0,
        world.load()
    )
}

/// The tables of a run, as Markdown.
pub fn tables(plan: &Plan, world: &World, ledger: &Ledger, balance: &Balance) -> String {
    let mut text = String::new();
    let _infallible = writeln!(text, "{SUMMARY}{}", row(plan, world, ledger, balance));
    text.push_str(
        "\n| fault | | times | lasted, median | traffic flows again after: median | longest | duplicates |\n",
    );
    text.push_str("| --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
    let mut windows: BTreeMap<Kind, Vec<&Window>> = BTreeMap::new();
    ledger.windows.iter().for_each(|window| windows.entry(window.kind).or_default().push(window));
    for (kind, windows) in windows {
        let times = |of: fn(&Window) -> u32| windows.iter().map(|window| of(window)).collect::<Vec<_>>();
        let mut recovery = times(|window| window.flowing - window.healed);
        let _infallible = writeln!(
            text,
            "| `{}` | {} | {} | {:.1} s | {:.1} s | {:.1} s | {} |",
            kind.name(),
            kind.what(),
            windows.len(),
            seconds(quantile(&mut times(|window| window.healed - window.began), 0.5)),
            seconds(quantile(&mut recovery, 0.5)),
            seconds(quantile(&mut recovery, 1.0)),
            balance.by_fault.get(&kind).copied().unwrap_or_default()
        );
    }
    latencies(&mut text, ledger);
    text.push_str("\n| place | messages | came again |\n| --- | ---: | ---: |\n");
    for place in PLACES {
        let _infallible = writeln!(
            text,
            "| `{}` | {} | {} |",
            place.queue(),
            balance.arrived[place as usize],
            balance.again[place as usize]
        );
    }
    if balance.overtaken > 0 {
        let _infallible = writeln!(
            text,
            "\n{} messages of one key came behind their successors from another instance, while a session was lost.",
            balance.overtaken
        );
    }
    if balance.deaths.is_empty() {
        text.push_str("\nNo dead letters.\n");
        return text;
    }
    text.push_str("\n| dead letters of route | kind of failure | messages |\n| --- | --- | ---: |\n");
    for ((route, kind), count) in &balance.deaths {
        let _infallible = writeln!(text, "| `{route}` | `{kind}` | {count} |");
    }
    text
}

/// How long messages took from their publishing to the last of their places, with and without a fault at work.
fn latencies(text: &mut String, ledger: &Ledger) {
    text.push_str("\n| route | median | 99 of 100 | median under faults | 99 of 100 under faults |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: |\n");
    for &route in routes_at_work() {
        let mut times = [Vec::new(), Vec::new()];
        for &(at, took, _) in ledger.latencies.iter().filter(|(_, _, of)| *of == route) {
            times[usize::from(ledger.faults(at - took.min(at), at).next().is_some())].push(took);
        }
        let [calm, harmed] = &mut times;
        let _infallible = writeln!(
            text,
            "| `{}` | {} ms | {} ms | {} ms | {} ms |",
            route.name(),
            quantile(calm, 0.5),
            quantile(calm, 0.99),
            quantile(harmed, 0.5),
            quantile(harmed, 0.99)
        );
    }
}
