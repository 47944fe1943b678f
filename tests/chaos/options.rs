//! What is asked for on the command line.

use std::collections::BTreeSet;

use clap::Parser;

use super::campaign::Plan;
use super::faults::Kind;

/// What this test is called where tests are listed and filtered.
const NAME: &str = "nothing_is_lost_in_a_short_campaign";

/// The faults of the short run: those that take little time.
const SHORT: [Kind; 9] = [
    Kind::BusKill,
    Kind::BusStop,
    Kind::ConnectionsClosed,
    Kind::Unbound,
    Kind::ErpRubbish,
    Kind::DeadLettersFull,
    Kind::ErpLate,
    Kind::Overflow,
    Kind::Reload,
];

pub enum Asked {
    /// Another test than this one.
    Nothing,
    Run(Options),
}

#[derive(Debug)]
pub struct Options {
    pub plan: Plan,
    pub write_docs: bool,
}

impl Options {
    /// The options that repeat it.
    pub fn words(&self) -> String {
        let Plan { seed, messages, every, kinds } = &self.plan;
        let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        let what = if self.plan.is_flood() { "--flood".to_owned() } else { format!("--faults {}", kinds.join(",")) };
        format!("--seed {seed} --messages {messages} --every {every} {what}")
    }
}

/// The fault campaign.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Words {
    /// Decides the faults, their order and their moments; a random one if left out.
    #[arg(long)]
    seed: Option<u64>,
    /// How many messages are published.
    #[arg(long, default_value_t = 100_000)]
    messages: u32,
    /// Messages from one fault to the next.
    #[arg(long, default_value_t = 2_000)]
    every: u32,
    /// Kinds of faults, separated by commas; all if left out.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    faults: Vec<Kind>,
    /// Instead of faults: the participants are away for a minute while nearly all messages are for them.
    #[arg(long)]
    flood: bool,
    /// Three nodes and two instances of the bus that share the work, with the faults of a cluster.
    #[arg(long)]
    cluster: bool,
    /// Writes the tables to docs/chaos.md and the plot beside it, if nothing is lost.
    #[arg(long)]
    write_docs: bool,
}

fn kind(name: &str) -> Result<Kind, String> {
    let all: Vec<Kind> = Kind::all().into_iter().chain(Kind::cluster()).collect();
    Kind::parse(name).filter(|kind| all.contains(kind)).ok_or_else(|| {
        let names: BTreeSet<_> = all.iter().map(|kind| kind.name()).collect();
        format!("no such fault; there are {}", names.into_iter().collect::<Vec<_>>().join(", "))
    })
}

/// `campaign OPTION…`, or what `cargo test` hands over: filters and flags of the standard harness.
pub fn parse(arguments: impl Iterator<Item = String>) -> Asked {
    let arguments: Vec<String> = arguments.collect();
    if arguments.first().is_some_and(|first| first == "campaign") {
        let words = Words::parse_from(arguments);
        let kinds = match (words.flood, words.faults) {
            (true, _) => vec![Kind::Flood],
            (false, faults) if faults.is_empty() && words.cluster => Kind::cluster(),
            (false, faults) if faults.is_empty() => Kind::all(),
            (false, faults) => faults,
        };
        let seed = words.seed.unwrap_or_else(|| fastrand::u64(1..1_000_000));
        let (messages, every) = (words.messages.max(1), words.every.max(1));
        return Asked::Run(Options { plan: Plan { seed, messages, every, kinds }, write_docs: words.write_docs });
    }
    if arguments.iter().any(|argument| argument == "--list") {
        println!("{NAME}: test");
        return Asked::Nothing;
    }
    let mut filters = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
    if filters.peek().is_some() && !filters.any(|filter| NAME.contains(filter.as_str())) {
        return Asked::Nothing;
    }
    let plan = Plan { seed: 3, messages: 3_000, every: 300, kinds: SHORT.to_vec() };
    Asked::Run(Options { plan, write_docs: false })
}
