//! The only way out of a delivery.
//!
//! Taking a delivery into the [`Ledger`] gives a [`Receipt`], which cannot be cloned and is used up by settling.
//! Acknowledgements leave as one `multiple` for the settled prefix. Where one slow message holds the prefix
//! back, those behind it are acknowledged one by one before they take up too much of the prefetch.

use std::collections::VecDeque;

use crate::endpoint::{Delivery, EndpointError, Settlement, Source, Tag};

use super::budget::Share;
use super::intake::Load;

/// The right and duty to settle one delivery.
#[derive(Debug)]
#[must_use = "a delivery must be settled"]
pub(super) struct Receipt {
    entry: u64,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    InFlight,
    Settled,
    Acknowledged,
}

/// The deliveries of one source in order of arrival, from the oldest that is in flight.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: VecDeque<(Tag, State)>,
    /// The number of the first entry.
    first: u64,
    /// What is in flight.
    share: Share,
    /// The size of a body as they come: that of the largest, while it is not long ago.
    body: usize,
    /// Entries behind the prefix that are settled and not acknowledged.
    waiting: usize,
    patience: usize,
}

impl Ledger {
    /// A ledger that lets at most `patience` settled deliveries wait for the prefix.
    pub(super) fn new(patience: usize, share: Share) -> Self {
        Self { entries: VecDeque::new(), first: 0, share, body: 0, waiting: 0, patience }
    }

    /// Takes a delivery in.
    pub(super) fn admit(&mut self, delivery: &Delivery) -> Receipt {
        let entry = self.first + self.entries.len() as u64;
        let bytes = delivery.message.body.len();
        self.entries.push_back((delivery.tag, State::InFlight));
        self.share.take(bytes);
        self.body = bytes.max(1).max(self.body - self.body / 8);
        Receipt { entry, bytes }
    }

    /// Settles a delivery whose outcome is durable; the broker learns it with the next [`Ledger::flush`].
    pub(super) fn settle(&mut self, receipt: Receipt) {
        let at = usize::try_from(receipt.entry.saturating_sub(self.first)).unwrap_or(usize::MAX);
        if let Some((_, state)) = self.entries.get_mut(at) {
            *state = State::Settled;
            self.share.give_back(receipt.bytes);
            self.waiting += 1;
        }
    }

    /// Whether [`Ledger::flush`] has something to tell.
    pub(super) fn is_due(&self) -> bool {
        self.waiting > self.patience || matches!(self.entries.front(), Some((_, State::Settled)))
    }

    /// Tells the broker what is settled. Gives how many words it took.
    pub(super) async fn flush(&mut self, source: &mut dyn Source) -> Result<usize, EndpointError> {
        let mut words = 0;
        if let Some(tag) = self.take_prefix() {
            words = 1;
            source.settle(Settlement::AckThrough(tag)).await?;
        }
        if self.waiting > self.patience {
            for (tag, state) in &mut self.entries {
                if *state == State::Settled {
                    *state = State::Acknowledged;
                    words += 1;
                    source.settle(Settlement::Ack(*tag)).await?;
                }
            }
            self.waiting = 0;
        }
        Ok(words)
    }

    /// Removes the settled prefix; the tag that acknowledges it, which must be one not acknowledged before.
    fn take_prefix(&mut self) -> Option<Tag> {
        let mut through = None;
        while let Some((tag, state)) = self.entries.front().copied() {
            match state {
                State::InFlight => break,
                State::Acknowledged => {}
                State::Settled => {
                    through = Some(tag);
                    self.waiting = self.waiting.saturating_sub(1);
                }
            }
            self.entries.pop_front();
            self.first += 1;
        }
        through
    }

    /// Acknowledges every settled delivery before the channel is closed, in few words: what is on its way to the queue
    /// then is forgotten with the channel. Where fewer are unsettled than settled, those are given back one by one, and
    /// one acknowledgement covers the others; but where order is kept, only the channel's end gives back. Gives how many
    /// words it took.
    pub(super) async fn flush_all(&mut self, source: &mut dyn Source, ordered: bool) -> Result<usize, EndpointError> {
        let settled = self.entries.iter().filter(|(_, state)| *state == State::Settled).count();
        let end = self.entries.iter().rposition(|(_, state)| *state == State::Settled).map_or(0, |last| last + 1);
        let unsettled = self.entries.iter().take(end).filter(|(_, state)| *state == State::InFlight).count();
        if ordered || unsettled > settled {
            self.patience = 0;
            return self.flush(source).await;
        }
        for (tag, _) in self.entries.iter().take(end).filter(|(_, state)| *state == State::InFlight) {
            source.settle(Settlement::Requeue(*tag)).await?;
        }
        if let Some((tag, _)) = end.checked_sub(1).and_then(|last| self.entries.get(last)) {
            source.settle(Settlement::AckThrough(*tag)).await?;
        }
        self.entries.drain(..end);
        self.waiting = 0;
        Ok(unsettled + 1)
    }

    /// Deliveries taken and not settled.
    pub(super) fn in_flight(&self) -> usize {
        self.share.messages()
    }

    /// Bytes of the bodies in flight.
    pub(super) fn bytes(&self) -> usize {
        self.share.bytes()
    }

    /// Messages and bytes that the process still allows.
    pub(super) fn left(&self) -> (usize, usize) {
        self.share.left()
    }

    /// What counts against the bounds.
    pub(super) fn load(&self) -> Load {
        let (in_flight, bytes) = (self.share.messages(), self.share.bytes());
        Load { unacknowledged: in_flight + self.waiting, in_flight, bytes, body: self.body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Address, BoxFuture};
    use crate::message::Message;
    use crate::runtime::budget::Budget;
    use futures_util::FutureExt;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Log(Vec<Settlement>);

    impl Source for Log {
        fn receive(&mut self, _: usize) -> BoxFuture<'_, Result<Vec<Delivery>, EndpointError>> {
            Box::pin(std::future::pending())
        }
        fn settle(&mut self, settlement: Settlement) -> BoxFuture<'_, Result<(), EndpointError>> {
            self.0.push(settlement);
            Box::pin(std::future::ready(Ok(())))
        }
        fn stop(&mut self) -> BoxFuture<'_, Result<(), EndpointError>> {
            Box::pin(std::future::ready(Ok(())))
        }
        fn close(&mut self) -> BoxFuture<'_, Result<(), EndpointError>> {
            Box::pin(std::future::ready(Ok(())))
        }
    }

    fn delivery(tag: u64) -> Delivery {
        let address = Address { exchange: "".into(), routing_key: "q".into() };
        Delivery {
            tag: Tag(tag),
            redelivered: false,
            address,
            message: Message { body: "ab".into(), ..Message::default() },
        }
    }

    fn ledger(patience: usize) -> Ledger {
        Ledger::new(patience, Share::of(&std::sync::Arc::new(Budget::new(1_000, 1_000))))
    }

    fn flush(ledger: &mut Ledger, log: &mut Log) {
        ledger.flush(log).now_or_never().unwrap().unwrap();
    }

    #[test]
    fn the_prefix_leaves_as_one_acknowledgement() {
        let (mut ledger, mut log) = (ledger(8), Log::default());
        let mut receipts: Vec<_> = (1..=4).map(|tag| ledger.admit(&delivery(tag))).collect();
        assert_eq!((ledger.in_flight(), ledger.bytes()), (4, 8));
        let last = receipts.pop().unwrap();
        let third = receipts.pop().unwrap();
        ledger.settle(third);
        flush(&mut ledger, &mut log);
        assert_eq!(log.0, []);
        receipts.drain(..).for_each(|receipt| ledger.settle(receipt));
        flush(&mut ledger, &mut log);
        assert_eq!(log.0, [Settlement::AckThrough(Tag(3))]);
        ledger.settle(last);
        flush(&mut ledger, &mut log);
        assert_eq!(log.0[1..], [Settlement::AckThrough(Tag(4))]);
        assert_eq!((ledger.in_flight(), ledger.bytes(), ledger.load().unacknowledged), (0, 0, 0));
    }

    #[test]
    fn the_end_takes_few_words() {
        let (mut ledger, mut log) = (ledger(100), Log::default());
        let mut receipts: Vec<_> = (1..=40).map(|tag| Some(ledger.admit(&delivery(tag)))).collect();
        for tag in (1..=39).filter(|tag| *tag != 3 && *tag != 7) {
            ledger.settle(receipts[tag - 1].take().unwrap());
        }
        let words = ledger.flush_all(&mut log, false).now_or_never().unwrap().unwrap();
        assert_eq!(
            log.0,
            [3, 7]
                .map(|tag| Settlement::Requeue(Tag(tag)))
                .into_iter()
                .chain([Settlement::AckThrough(Tag(39))])
                .collect::<Vec<_>>()
        );
        assert_eq!((words, ledger.in_flight()), (3, 3));
    }

    #[test]
    fn the_end_names_the_few_that_are_settled() {
        let (mut ledger, mut log) = (ledger(100), Log::default());
        let mut receipts: Vec<_> = (1..=40).map(|tag| Some(ledger.admit(&delivery(tag)))).collect();
        ledger.settle(receipts[19].take().unwrap());
        let words = ledger.flush_all(&mut log, false).now_or_never().unwrap().unwrap();
        assert_eq!((words, log.0), (1, vec![Settlement::Ack(Tag(20))]));
    }

    #[test]
    fn where_order_is_kept_nothing_is_given_back_one_by_one() {
        let (mut ledger, mut log) = (ledger(100), Log::default());
        let receipts: Vec<_> = (1..=40).map(|tag| ledger.admit(&delivery(tag))).collect();
        receipts.into_iter().skip(2).for_each(|receipt| ledger.settle(receipt));
        let words = ledger.flush_all(&mut log, true).now_or_never().unwrap().unwrap();
        assert_eq!((words, ledger.in_flight()), (38, 2));
        assert_eq!(log.0, (3..=40).map(|tag| Settlement::Ack(Tag(tag))).collect::<Vec<_>>());
    }

    proptest! {
        /// Like a broker: a tag is acknowledged once, never before it is settled, and in the end all are.
        #[test]
        fn every_settled_delivery_is_acknowledged_once(order in Just((1..=40u64).collect::<Vec<_>>()).prop_shuffle(),
                                                       flushes in prop::collection::vec(any::<bool>(), 40),
                                                       patience in 0usize..10) {
            let (mut ledger, mut log) = (ledger(patience), Log::default());
            let mut receipts: Vec<_> = (1..=40).map(|tag| Some(ledger.admit(&delivery(tag)))).collect();
            let mut settled = std::collections::BTreeSet::new();
            let mut open: std::collections::BTreeSet<u64> = (1..=40).collect();
            let mut seen = 0;
            for (tag, now) in order.into_iter().zip(flushes.into_iter().chain([true])) {
                ledger.settle(receipts[tag as usize - 1].take().unwrap());
                settled.insert(tag);
                if now || settled.len() == 40 {
                    flush(&mut ledger, &mut log);
                }
                for settlement in &log.0[seen..] {
                    match *settlement {
                        Settlement::Ack(tag) => {
                            prop_assert!(open.remove(&tag.0) && settled.contains(&tag.0));
                        }
                        Settlement::AckThrough(tag) => {
                            prop_assert!(open.contains(&tag.0), "unknown delivery tag {tag:?}");
                            let rest = open.split_off(&(tag.0 + 1));
                            prop_assert!(open.iter().all(|tag| settled.contains(tag)));
                            open = rest;
                        }
                        Settlement::Requeue(_) => prop_assert!(false),
                    }
                }
                seen = log.0.len();
                prop_assert_eq!(ledger.in_flight(), 40 - settled.len());
            }
            prop_assert!(open.is_empty());
        }
    }
}
