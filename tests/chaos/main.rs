//! The fault campaign: numbered messages through the real program on a RabbitMQ node of its own, while both are harmed.
//! In the end every message whose publishing was confirmed is where its route says, or in a dead-letter queue with a
//! reason that a fault explains.
//!
//! Without arguments it is one short test with a fixed seed; `campaign` with options is what `make chaos` runs. All that
//! watches speaks AMQP by itself: nothing of the bus judges the bus.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bus;
mod campaign;
mod faults;
mod generator;
mod ledger;
mod node;
mod observer;
mod options;
mod participants;
mod plot;
mod project;
mod report;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use campaign::Plan;
use options::{Asked, Options};

fn main() -> ExitCode {
    let options = match options::parse(std::env::args().skip(1)) {
        Asked::Nothing => return ExitCode::SUCCESS,
        Asked::Run(options) => options,
    };
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    if threads.block_on(nothing_is_lost(&options)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn nothing_is_lost(options: &Options) -> bool {
    let plan = &options.plan;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{}", plan.seed));
    let _from_before = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    eprintln!("campaign: seed {}, {} messages, a fault every {}", plan.seed, plan.messages, plan.every);
    let world = campaign::run(plan, &folder).await;
    let end = world.now();
    let mut ledger = world.ledger();
    ledger.windows.sort_by_key(|window| window.began);
    let balance = ledger.balance();
    let tables = report::tables(plan, &world, &ledger, &balance);
    println!("{tables}");
    let memory = world.memory.lock().expect("not poisoned");
    let plot = plot::svg(&ledger, &memory, end);
    std::fs::write(folder.join("plot.svg"), &plot).expect("is written");
    if report::is_good(&balance) {
        if options.write_docs {
            write_docs(plan, &tables, &plot);
        }
        eprintln!("{} messages, none lost; the plot is {}", ledger.confirmed, folder.join("plot.svg").display());
        return true;
    }
    eprintln!("{}", report::missing(&world, &ledger, &balance));
    balance.wrong.iter().take(50).for_each(|wrong| eprintln!("{wrong}"));
    eprintln!(
        "FAILED: {} messages missing, {} not confirmed, {} things wrong. The bus's log: {}\nRepeat it with: make chaos \
         ARGS=\"{}\"",
        balance.missing.len(),
        balance.unconfirmed,
        balance.wrong.len(),
        world.log.path.display(),
        options.words()
    );
    false
}

/// One section of the page for each seed; the sections of other seeds stay.
fn write_docs(plan: &Plan, tables: &str, plot: &str) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let seed = if plan.is_flood() { format!("{} (flood)", plan.seed) } else { plan.seed.to_string() };
    let file = if plan.is_flood() { "chaos-flood.svg".to_owned() } else { format!("chaos-{seed}.svg") };
    std::fs::write(docs.join(&file), plot).expect("is written");
    let page = docs.join("chaos.md");
    let old = std::fs::read_to_string(&page).unwrap_or_else(|_| HEAD.to_owned());
    let title = format!("## Seed {seed}\n");
    let mut parts = old.split("\n## ").map(str::trim_end);
    let mut new = parts.next().unwrap_or_default().to_owned();
    for part in parts.filter(|part| !format!("## {part}\n").starts_with(&title)) {
        new.push_str(&format!("\n\n## {part}"));
    }
    new.push_str(&format!("\n\n{title}\n![Latency and memory over time, faults marked]({file})\n\n{tables}"));
    std::fs::write(page, new).expect("is written");
}

const HEAD: &str = "<!-- Written by `make chaos ARGS=\"… --write-docs\"`. -->
# The fault campaign

Numbered messages run through five routes of the real program on a RabbitMQ node of its own, while both are harmed.
[Guarantees](guarantees.md) tells what each fault does and what it may cost; this page is what the runs have shown.
";
