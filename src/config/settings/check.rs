//! What no type can say of settings: whether they make sense together, and on this machine.

use std::path::Path;

use super::{Broker, InFlight, Settings, Tls};
use crate::adapter::amqp::{Amqp, AmqpSettings};
use crate::adapter::management::Management;
use crate::config::tree::Node;
use crate::diagnostic::{Diagnostic, codes};

/// Readers and evaluators keep one frame per level; this many fit into any thread's stack.
const MOST_LEVELS: usize = 256;

/// More than any machine has cores for.
const MOST_THREADS: usize = 1024;

impl Settings {
    /// Everything that is wrong, at its place.
    pub(super) fn check(&self, tree: &Node, folder: &Path) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        let mut add = |path: &[&str], message: String, hint: &str| {
            let place = tree.place_of(path);
            let found = Diagnostic::error(codes::SETTING_INVALID, &place.file, place.span.clone(), message);
            wrong.push(found.hint(hint));
        };
        if let Broker::Amqp(connection) = &self.broker {
            if let Err(error) = Amqp::new(AmqpSettings { url: connection.url.clone(), ..AmqpSettings::default() }) {
                let hint = "write `amqp://user:password@host:5672/%2f`, or `broker: embedded`";
                add(&["broker", "url"], error.to_string(), hint);
            }
            if let Some(Err(error)) = connection.management.as_deref().map(Management::new) {
                let hint = "write `http://user:password@host:15672`, or remove it";
                add(&["broker", "management"], error.to_string(), hint);
            }
            let Tls { ca, certificate, key } = &connection.tls;
            if certificate.is_some() != key.is_some() {
                let message = "a client certificate needs both `certificate` and `key`".to_owned();
                add(&["broker", "tls"], message, "give both, or neither");
            }
            for (name, path) in [("ca", ca), ("certificate", certificate), ("key", key)] {
                if let Some(Err(error)) = path.as_ref().map(|path| std::fs::metadata(folder.join(path))) {
                    let message = format!("the file cannot be read: {error}");
                    add(&["broker", "tls", name], message, "name a PEM file, seen from the project's folder");
                }
            }
        }
        if !self.ops.listen.ip().is_loopback() && !self.ops.allow_remote {
            let message = format!("`{}` is reachable from other machines", self.ops.listen);
            let hint = "write `allow_remote: true` beside it if that is meant, or listen on 127.0.0.1";
            add(&["ops", "listen"], message, hint);
        }
        if self.reload.http && !self.ops.listen.ip().is_loopback() {
            let message = format!("whoever reaches `{}` could reload the bus", self.ops.listen);
            add(&["reload", "http"], message, "listen on 127.0.0.1, or remove `http` and use SIGHUP or `watch`");
        }
        if self.reload.watch.is_some_and(|every| every.0.is_zero()) {
            add(&["reload", "watch"], "the files cannot be looked at all the time".to_owned(), "write `5s`, or more");
        }
        if let Err(error) = self.log.level.parse::<tracing_subscriber::EnvFilter>() {
            let hint = "write `info`, or directives as `info,trunkline=debug`";
            add(&["log", "level"], format!("`{}` is not a log level: {error}", self.log.level), hint);
        }
        if let Some(store) = &self.store {
            store.check(&mut add);
        }
        for (name, value) in [("depth", self.limits.depth), ("nodes", self.limits.nodes)] {
            if value == 0 {
                add(&["limits", name], format!("a limit of 0 for `{name}` refuses every message"), "write 1 or more");
            }
        }
        let InFlight { bytes, total_bytes, total_messages, calls: _ } = self.in_flight;
        let all = [("bytes", bytes.0), ("total_bytes", total_bytes.0), ("total_messages", total_messages)];
        for (name, _) in all.into_iter().filter(|(_, value)| *value == 0) {
            add(&["in_flight", name], format!("a bound of 0 for `{name}` lets nothing pass"), "write 1 or more");
        }
        if let Some(threads) = self.threads.filter(|threads| *threads > MOST_THREADS) {
            add(
                &["threads"],
                format!("{threads} threads only wait for each other"),
                "write as many as there are cores",
            );
        }
        if self.limits.depth > MOST_LEVELS {
            let message = format!("{} levels of nesting are more than the engine can walk", self.limits.depth);
            add(&["limits", "depth"], message, &format!("write a number from 1 to {MOST_LEVELS}"));
        }
        wrong
    }
}
