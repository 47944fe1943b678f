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
mod page;
mod participants;
mod plot;
mod project;
mod report;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

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
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{}", plan.name().replace(' ', "-")));
    let _from_before = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    eprintln!("campaign: {}, {} messages, a fault every {}", plan.name(), plan.messages, plan.every);
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
            page::write(plan, &tables, &plot).expect("the page is written");
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
        world.logs[0].path.display(),
        options.words()
    );
    false
}
