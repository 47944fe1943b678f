//! Exchanges: which queues a message goes to.

use crate::message::Text;

use super::topic;

/// How an exchange compares a routing key with its bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Direct,
    Topic,
    Fanout,
    /// Bindings have no arguments here, and a binding without arguments fits every message.
    Headers,
}

impl Kind {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "direct" => Some(Self::Direct),
            "topic" => Some(Self::Topic),
            "fanout" => Some(Self::Fanout),
            "headers" => Some(Self::Headers),
            _ => None,
        }
    }
}

/// An exchange with its bindings.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) kind: Kind,
    bindings: Vec<(Text, Text)>,
}

impl Exchange {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, bindings: Vec::new() }
    }

    /// Binds a queue; a second time changes nothing.
    pub(super) fn bind(&mut self, routing_key: &Text, queue: &Text) {
        if !self.bindings.iter().any(|(key, bound)| key == routing_key && bound == queue) {
            self.bindings.push((routing_key.clone(), queue.clone()));
        }
    }

    /// Forgets a queue that is gone.
    pub(super) fn unbind_queue(&mut self, queue: &str) {
        self.bindings.retain(|(_, bound)| bound != queue);
    }

    /// The queues for a routing key, each once.
    pub(super) fn queues(&self, routing_key: &str) -> Vec<Text> {
        let mut queues: Vec<Text> = Vec::new();
        for (pattern, queue) in &self.bindings {
            let fits = match self.kind {
                Kind::Direct => pattern == routing_key,
                Kind::Topic => topic::matches(pattern, routing_key),
                Kind::Fanout | Kind::Headers => true,
            };
            if fits && !queues.contains(queue) {
                queues.push(queue.clone());
            }
        }
        queues
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(kind: Kind) -> Exchange {
        let mut exchange = Exchange::new(kind);
        exchange.bind(&"a.b".into(), &"one".into());
        exchange.bind(&"a.*".into(), &"two".into());
        exchange.bind(&"#".into(), &"two".into());
        exchange
    }

    #[test]
    fn each_kind_chooses_its_queues_once() {
        assert_eq!(exchange(Kind::Direct).queues("a.b"), ["one"]);
        assert_eq!(exchange(Kind::Topic).queues("a.b"), ["one", "two"]);
        assert_eq!(exchange(Kind::Topic).queues("x"), ["two"]);
        assert_eq!(exchange(Kind::Fanout).queues("x"), ["one", "two"]);
        assert_eq!(exchange(Kind::Headers).queues("x"), ["one", "two"]);
    }
}
