//! What was published, what has arrived where, and whether that is what the routes say.

use std::collections::BTreeMap;

use super::faults::Kind;
use super::project::{KEYS, PLACES, Place, ROUTES, Route, expected, is_invalid, is_right, key, place_in_line};

/// Something that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub place: Place,
    pub at: u32,
    /// The queue gave it to the observer before: no doing of the bus.
    pub again: bool,
}

/// What is known of one number. Times are milliseconds of the run.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub published: u32,
    pub confirmed: Option<u32>,
    /// How often it was published: more than once, where no confirm came.
    pub sends: u16,
    pub arrivals: Vec<Arrival>,
    /// The ERP answered rubbish to its request.
    pub rubbish: bool,
    /// The kind of failure of its dead letter.
    pub died: Option<String>,
    pub done: bool,
}

/// When a fault began, when it was over, and when traffic flowed on all routes again.
#[derive(Clone, Debug)]
pub struct Window {
    pub kind: Kind,
    pub began: u32,
    pub healed: u32,
    pub flowing: u32,
}

/// The record of a whole run.
#[derive(Debug)]
pub struct Ledger {
    /// By number; the first one stands for none.
    entries: Vec<Entry>,
    open: [usize; ROUTES.len()],
    pub confirmed: usize,
    pub done: usize,
    pub windows: Vec<Window>,
    /// Time of the first arrival, and how long after its publishing, by route.
    pub latencies: Vec<(u32, u32, Route)>,
    /// The highest number that arrived at [`Place::Keyed`], by key.
    latest: [u32; KEYS as usize],
    /// The last place in each sequence that arrived at [`Place::Line`].
    lines: BTreeMap<u32, u32>,
    /// What arrived there behind a higher number of its key.
    overtaken: Vec<(u32, u32, u32)>,
    /// The group in which a number came.
    groups: BTreeMap<u32, String>,
    /// How many of its key the state had counted when a number first came.
    counts: BTreeMap<u32, u32>,
    /// How many instances of the bus share the work.
    instances: usize,
    /// What must not be.
    pub wrong: Vec<String>,
}

impl Ledger {
    pub fn new(messages: u32, instances: usize) -> Self {
        Self {
            entries: vec![Entry::default(); messages as usize + 1],
            open: Default::default(),
            confirmed: 0,
            done: 0,
            windows: Vec::new(),
            latencies: Vec::new(),
            latest: [0; KEYS as usize],
            lines: BTreeMap::new(),
            overtaken: Vec::new(),
            groups: BTreeMap::new(),
            counts: BTreeMap::new(),
            instances,
            wrong: Vec::new(),
        }
    }

    pub fn published(&mut self, number: u32, at: u32) {
        let entry = &mut self.entries[number as usize];
        if entry.sends == 0 {
            entry.published = at;
        }
        entry.sends += 1;
    }

    pub fn confirmed(&mut self, number: u32, at: u32) {
        let entry = &mut self.entries[number as usize];
        if entry.confirmed.replace(at).is_none() {
            self.confirmed += 1;
            if !entry.done {
                self.open[Route::of(number) as usize] += 1;
            }
        }
    }

    pub fn rubbish(&mut self, number: u32) {
        self.entries[number as usize].rubbish = true;
    }

    /// A number came in this group. Instances with a store of their own do not know each other's.
    pub fn gathered(&mut self, number: u32, group: &str) {
        let before = self.groups.entry(number).or_insert_with(|| group.to_owned());
        if *before != group && self.instances == 1 {
            self.wrong.push(format!("{number} is in the groups {before} and {group}"));
        }
    }

    /// A number came with what the state had counted before it.
    pub fn counted(&mut self, number: u32, nth: Option<u32>) {
        match nth {
            Some(nth) => _ = self.counts.entry(number).or_insert(nth),
            None => self.wrong.push(format!("{number} came without what the state has counted")),
        }
    }

    /// Each number counts once in the state of its key: the first one finds 0, the next one 1.
    fn audit_counts(&self, balance: &mut Balance) {
        let mut keys: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
        for (&number, &nth) in &self.counts {
            keys.entry(key(number)).or_default().push((nth, number));
        }
        let died = |key_of: u32| {
            let numbers = (0u32..).zip(&self.entries).filter(|(number, _)| Route::of(*number) == Route::Count);
            numbers.filter(|(number, entry)| key(*number) == key_of && entry.died.is_some()).count()
        };
        for (key, mut found) in keys {
            found.sort_unstable();
            for pair in found.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                balance.wrong.push(format!("{} and {} of the key {key} found the same state", pair[0].1, pair[1].1));
            }
            let counted = found.last().map_or(0, |(nth, _)| *nth as usize + 1);
            if counted > found.len() && counted > found.len() + died(key) {
                balance
                    .wrong
                    .push(format!("the state of the key {key} has counted {counted}, and {} came", found.len()));
            }
        }
    }

    /// Takes an arrival in; when its number was published.
    pub fn arrived(&mut self, number: u32, arrival: Arrival, body: &[u8], death: Option<String>) -> Option<u32> {
        let Some(entry) = self.entries.get_mut(number as usize).filter(|entry| entry.sends > 0) else {
            self.wrong.push(format!("{number} at {} was never sent", arrival.place.queue()));
            return None;
        };
        if !is_right(arrival.place, number, body) {
            let body = String::from_utf8_lossy(body);
            self.wrong.push(format!("{number} at {} has another body: {body}", arrival.place.queue()));
        }
        if arrival.place == Place::Keyed && entry.arrivals.iter().all(|one| one.place != Place::Keyed) {
            let latest = &mut self.latest[key(number) as usize];
            if number < *latest {
                self.overtaken.push((number, *latest, arrival.at));
            }
            *latest = number.max(*latest);
        }
        if arrival.place == Place::Line && entry.arrivals.iter().all(|one| one.place != Place::Line) {
            let (line, position) = place_in_line(number);
            let latest = self.lines.entry(line).or_default();
            if position <= *latest {
                self.wrong.push(format!("{number} came as {position} of the sequence {line}, behind {latest}"));
            }
            *latest = position.max(*latest);
        }
        entry.arrivals.push(arrival);
        if death.is_some() {
            entry.died = death;
        }
        if !entry.done && entry.missing(number).is_empty() {
            entry.done = true;
            self.done += 1;
            if entry.confirmed.is_some() {
                self.open[Route::of(number) as usize] -= 1;
            }
            self.latencies.push((arrival.at, arrival.at.saturating_sub(entry.published), Route::of(number)));
        }
        Some(entry.published)
    }

    /// Confirmed messages of a route that have not arrived everywhere.
    pub fn open(&self, route: Route) -> usize {
        self.open[route as usize]
    }

    pub fn all_open(&self) -> usize {
        self.open.iter().sum()
    }

    pub fn entry(&self, number: u32) -> &Entry {
        &self.entries[number as usize]
    }

    /// The faults that were at work at a time between these.
    pub fn faults(&self, from: u32, to: u32) -> impl DoubleEndedIterator<Item = &Window> {
        self.windows.iter().filter(move |window| window.began <= to && window.flowing >= from)
    }

    /// Settles the account.
    pub fn balance(&self) -> Balance {
        let mut balance = Balance { wrong: self.wrong.clone(), ..Balance::default() };
        for (number, entry) in (0u32..).zip(&self.entries).skip(1) {
            self.audit(number, entry, &mut balance);
        }
        if self.instances == 1 {
            self.audit_counts(&mut balance);
        }
        // What was published again stands in the queue behind its successors.
        for &(number, latest, at) in self.overtaken.iter().filter(|(number, ..)| self.entry(*number).sends == 1) {
            let mut faults = self.faults(self.entry(number).published, at);
            if self.instances > 1 && faults.any(|window| window.kind.doubles()) {
                balance.overtaken += 1;
            } else {
                balance.wrong.push(format!("{number} came after {latest}, and both have one key"));
            }
        }
        balance
    }

    fn audit(&self, number: u32, entry: &Entry, balance: &mut Balance) {
        if entry.confirmed.is_none() {
            balance.unconfirmed += 1;
        } else if !entry.done {
            balance.missing.push(number);
        }
        let dead = Route::of(number).dead_letters();
        for place in PLACES {
            let count = entry.arrivals.iter().filter(|arrival| arrival.place == place && !arrival.again).count();
            if count == 0 {
                continue;
            }
            balance.arrived[place as usize] += 1;
            if !expected(number).contains(&place) && place != dead {
                balance.wrong.push(format!("{number} is at {}, where it does not belong", place.queue()));
            }
            balance.again[place as usize] += count - 1;
            if count > 1 {
                self.explain(number, entry, (place, count - 1), balance);
            }
        }
        if entry.arrivals.iter().any(|arrival| arrival.place == dead) {
            self.explain_death(number, entry, balance);
        }
        balance.observed_twice += entry.arrivals.iter().filter(|arrival| arrival.again).count();
    }

    /// A duplicate is explained by a producer that was not sure, or by a fault while the message was under way.
    fn explain(&self, number: u32, entry: &Entry, (place, more): (Place, usize), balance: &mut Balance) {
        // Whoever drops duplicates drops the producer's, too; instances with a store of their own do not know each other's.
        let by_producer = if matches!(place, Place::Once | Place::Gather | Place::Line) && self.instances == 1 {
            0
        } else {
            more.min(usize::from(entry.sends) - 1)
        };
        balance.by_producer += by_producer;
        if more == by_producer {
            return;
        }
        let at = entry.arrivals.iter().filter(|arrival| arrival.place == place).map(|arrival| arrival.at);
        let mut faults = self.faults(entry.published, at.max().unwrap_or_default());
        match faults.rfind(|window| window.kind.doubles()) {
            Some(window) => *balance.by_fault.entry(window.kind).or_default() += more - by_producer,
            None => balance.wrong.push(format!(
                "{number} came {} times to {}, and no fault explains it",
                more + 1,
                place.queue()
            )),
        }
    }

    fn explain_death(&self, number: u32, entry: &Entry, balance: &mut Balance) {
        let kind = entry.died.as_deref().unwrap_or("no reason");
        *balance.deaths.entry((Route::of(number).name(), kind.to_owned())).or_default() += 1;
        let last = entry.arrivals.iter().map(|arrival| arrival.at).max().unwrap_or_default();
        let mut faults = self.faults(entry.published, last);
        let explained = match kind {
            "contract" if is_invalid(number) => true,
            "contract" | "syntax" | "content_type" | "conversion" | "mapping" => entry.rubbish,
            "unroutable" => faults.any(|window| window.kind.unbinds()),
            "nack" => faults.any(|window| window.kind.fills()),
            "timeout" | "participant" | "connection" => faults.next().is_some(),
            // It came when its sequence had gone on without it.
            "state" if Route::of(number) == Route::Line => faults.next().is_some(),
            _ => false,
        };
        if !explained {
            balance.wrong.push(format!("{number} is a dead letter ({kind}), and no fault explains it"));
        }
    }
}

impl Entry {
    /// Where it must arrive and has not. In its dead-letter queue it is safe, too.
    pub fn missing(&self, number: u32) -> Vec<Place> {
        let at = |place: Place| self.arrivals.iter().any(|arrival| arrival.place == place);
        if at(Route::of(number).dead_letters()) {
            return Vec::new();
        }
        expected(number).iter().copied().filter(|place| !at(*place)).collect()
    }
}

/// The account of a run.
#[derive(Debug, Default)]
pub struct Balance {
    pub unconfirmed: usize,
    pub missing: Vec<u32>,
    pub wrong: Vec<String>,
    /// Distinct numbers by place.
    pub arrived: [usize; PLACES.len()],
    /// What came there more often than once.
    pub again: [usize; PLACES.len()],
    pub deaths: BTreeMap<(&'static str, String), usize>,
    pub by_producer: usize,
    /// Out of order, as several instances may bring them.
    pub overtaken: usize,
    pub by_fault: BTreeMap<Kind, usize>,
    pub observed_twice: usize,
}
