//! What the demonstration shows: one line for each message, and the summary.

use anstyle::{AnsiColor, Style};

use crate::message::header_names;

use super::ledger::Ledger;
use super::participants::{Seen, Who, text};
use super::script::Sending;

/// Characters of a body that are shown.
const WIDTH: usize = 96;

/// The terminal.
pub struct Screen {
    lines: usize,
}

fn name(who: Who) -> &'static str {
    match who {
        Who::Chat => "chat",
        Who::Shop => "shop",
        Who::Erp => "erp",
        Who::Crm => "crm",
        Who::DeadLetters => "dead",
    }
}

/// One line of a body: white space folded, cut.
fn short(body: &str) -> String {
    let folded = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = folded.chars().filter(|character| !character.is_control()).take(WIDTH).collect();
    if shown.len() < folded.len() {
        shown.push('…');
    }
    shown
}

impl Screen {
    /// An empty one.
    pub fn new() -> Self {
        Self { lines: 0 }
    }

    /// What is shown.
    pub fn title(&mut self, text: &str) {
        let bold = Style::new().bold();
        anstream::println!("{bold}trunkline demo{bold:#}: {text}");
        anstream::println!("→ sent   ← received   ✗ dead-lettered\n");
    }

    /// A participant has sent a message.
    pub fn sent(&mut self, sending: &Sending) {
        let to = if sending.to.exchange.is_empty() {
            sending.to.routing_key.to_string()
        } else {
            format!("{}/{}", sending.to.exchange, sending.to.routing_key)
        };
        let fault = sending.fault.map(|fault| format!("({fault}) ")).unwrap_or_default();
        self.line(
            AnsiColor::Blue,
            '→',
            name(sending.sender),
            &to,
            &format!("{fault}{}", short(&text(&sending.message))),
        );
    }

    /// A participant has received a message, or one lies in a dead-letter queue.
    pub fn seen(&mut self, seen: &Seen) {
        let header = |name| seen.message.headers.get(name).and_then(|field| field.as_str()).unwrap_or_default();
        if seen.who == Who::DeadLetters {
            let reason =
                format!("{}: {}", header(header_names::FAILURE_TYPE), short(header(header_names::FAILURE_REASON)));
            self.line(AnsiColor::Red, '✗', name(seen.who), &seen.queue, &reason);
        } else if seen.message.headers.contains_key(header_names::ERROR) {
            let reason = format!("error: {}", short(header(header_names::ERROR)));
            self.line(AnsiColor::Yellow, '←', name(seen.who), &seen.queue, &reason);
        } else {
            self.line(AnsiColor::Green, '←', name(seen.who), &seen.queue, &short(&text(&seen.message)));
        }
    }

    fn line(&mut self, colour: AnsiColor, mark: char, who: &str, place: &str, text: &str) {
        let style = colour.on_default();
        self.lines += 1;
        anstream::println!("{style}{mark} {who:<5}{style:#} {place:<26} {text}");
    }

    /// The end.
    pub fn summary(&self, ledger: &Ledger) {
        let bold = Style::new().bold();
        anstream::println!("\n{bold}{:<24}{:>8}{:>10}{bold:#}", "expected to be", "sent", "arrived");
        for (kind, sent, arrived) in ledger.rows() {
            anstream::println!("{kind:<24}{sent:>8}{arrived:>10}");
        }
        for fault in ledger.faults() {
            anstream::println!("unexpected: {fault}");
        }
        let verdict = if ledger.is_balanced() {
            "every message is where it belongs"
        } else {
            "NOT every message is where it belongs"
        };
        anstream::println!("\n{bold}{verdict}{bold:#}");
    }
}
