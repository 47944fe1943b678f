//! Every pattern of the book has its row, and every example of the page gives what it says.

use std::collections::VecDeque;

use futures_util::FutureExt;
use trunkline::config::{Environment, Project};
use trunkline::endpoint::{Address, Delivery, Tag};
use trunkline::message::{Message, Properties};
use trunkline::route::fake::Fake;

use super::{Block, blocks, file_of, project, root};
use crate::program::trunkline;

/// Hohpe and Woolf, *Enterprise Integration Patterns*, chapters 3 to 11.
const PATTERNS: &str =
    "Message Channel, Message, Pipes and Filters, Message Router, Message Translator, Message Endpoint,
Point-to-Point Channel, Publish-Subscribe Channel, Datatype Channel, Invalid Message Channel, Dead Letter Channel,
Guaranteed Delivery, Channel Adapter, Messaging Bridge, Message Bus, Command Message, Document Message, Event Message,
Request-Reply, Return Address, Correlation Identifier, Message Sequence, Message Expiration, Format Indicator,
Content-Based Router, Message Filter, Dynamic Router, Recipient List, Splitter, Aggregator, Resequencer,
Composed Message Processor, Scatter-Gather, Routing Slip, Process Manager, Message Broker, Envelope Wrapper,
Content Enricher, Content Filter, Claim Check, Normalizer, Canonical Data Model, Messaging Gateway, Messaging Mapper,
Transactional Client, Polling Consumer, Event-Driven Consumer, Competing Consumers, Message Dispatcher,
Selective Consumer, Durable Subscriber, Idempotent Receiver, Service Activator, Control Bus, Detour, Wire Tap,
Message History, Message Store, Smart Proxy, Test Message, Channel Purger";

fn page() -> String {
    std::fs::read_to_string(root().join("docs/patterns.md")).expect("readable")
}

/// The sections of the examples: title and blocks.
fn examples(page: &str) -> Vec<(String, Vec<Block>)> {
    let examples = page.split_once("\n## Examples\n").expect("has examples").1;
    let sections = examples.split("\n### ").skip(1);
    sections.map(|section| (section.lines().next().unwrap_or_default().to_owned(), blocks(section))).collect()
}

#[test]
fn every_pattern_has_its_row_and_every_link_its_example() {
    let page = page();
    let (of_the_book, _) = page.split_once("\n### Besides the book\n").expect("has other patterns");
    let rows: Vec<&str> = of_the_book
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .map(|(name, _)| name)
        .filter(|name| !["pattern", "---"].contains(name))
        .collect();
    let patterns: Vec<String> = PATTERNS.split(',').map(|name| name.trim().to_owned()).collect();
    assert_eq!(rows, patterns);
    let without: Vec<&str> = (of_the_book.lines())
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .filter(|(name, here)| patterns.contains(&(*name).to_owned()) && !here.contains("](#"))
        .map(|(name, _)| name)
        .collect();
    assert!(without.is_empty(), "no example of {without:?}");
    let anchors: Vec<String> =
        examples(&page).iter().map(|(title, _)| title.to_lowercase().replace(' ', "-")).collect();
    for link in page.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap_or_default()) {
        assert!(anchors.iter().any(|anchor| anchor == link), "there is no example `{link}`");
    }
    for anchor in anchors {
        assert!(page.contains(&format!("](#{anchor})")), "no row leads to `{anchor}`");
    }
}

#[test]
fn every_example_gives_what_it_says() {
    let page = page();
    let examples = examples(&page);
    let folder = project::example();
    std::fs::create_dir_all(folder.path().join("routes/patterns")).expect("made");
    let (commands, examples): (Vec<_>, Vec<_>) =
        examples.into_iter().partition(|(_, blocks)| blocks[0].language == "sh");
    for (at, (title, blocks)) in examples.iter().enumerate() {
        assert_eq!(blocks[0].language, "yaml", "{title}");
        for (name, text) in blocks.iter().filter_map(file_of) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        std::fs::write(folder.path().join(format!("routes/patterns/{at}.yaml")), &blocks[0].text).expect("written");
    }
    let settings = folder.path().join("trunkline.yaml");
    let with_store = std::fs::read_to_string(&settings).expect("readable") + "\nstore: { path: state/store.redb }\n";
    std::fs::write(&settings, with_store).expect("written");
    let mut project = Project::load(folder.path(), &Environment::default());
    project.check_mappings(false);
    assert!(project.is_sound(), "{:#?}", project.diagnostics);
    for (at, (title, blocks)) in examples.iter().enumerate() {
        let name = format!("patterns/{at}");
        let blocks: Vec<&Block> = blocks.iter().filter(|block| file_of(block).is_none()).collect();
        let plan = project.plans.iter().find(|plan| plan.name() == name).expect("compiles");
        let ports = Fake::new();
        let message = |body: &str| Message { body: body.trim_end().to_owned().into(), ..Message::default() };
        for answer in blocks.iter().filter_map(|block| block.text.strip_prefix("// the answer\n")) {
            ports.answer(Ok(message(answer)));
        }
        let mut asked = message(&blocks[1].text);
        asked.properties = Properties { reply_to: Some("answers".into()), ..Properties::default() }.into();
        let then = blocks.iter().filter_map(|block| block.text.strip_prefix("// and then\n")).map(message);
        let mut at_queue: VecDeque<Message> = [asked].into_iter().chain(then).collect();
        let (mut looked_at, mut dead) = (0, Vec::new());
        // What the route sends to its own queue comes back.
        while let Some(message) = at_queue.pop_front() {
            let address = Address { exchange: "".into(), routing_key: plan.queue().clone() };
            let delivery = Delivery { tag: Tag(1), redelivered: false, address, message };
            if plan.process(&delivery, &ports).now_or_never().expect("fakes never wait").result.is_err() {
                dead.push((plan.dead_letter_address(), delivery.message));
            }
            let sent = ports.sent();
            let own = sent.iter().skip(looked_at).filter(|(to, _)| to.routing_key == *plan.queue());
            at_queue.extend(own.map(|(_, message)| message.clone()));
            looked_at = sent.len();
        }
        let sent: String = (ports.sent().iter().chain(&dead))
            .filter(|(to, _)| to.routing_key != *plan.queue() && !to.routing_key.contains(".retry."))
            .map(|(to, message)| {
                format!("{} {}", to.routing_key, String::from_utf8_lossy(&message.body)).trim_end().to_owned() + "\n"
            })
            .collect();
        assert_eq!(sent, blocks.last().expect("has blocks").text, "{title}");
    }
    for line in commands.iter().flat_map(|(_, blocks)| blocks[0].text.lines()) {
        let words = line.strip_prefix("trunkline ").expect("a command of ours").split(' ');
        let out = trunkline().args(words).run();
        assert_eq!(out.code, 0, "{line}: {}{}", out.stdout, out.stderr);
    }
}
