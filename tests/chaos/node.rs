//! The RabbitMQ node of the campaign: its own, so that it can be killed.

use std::path::PathBuf;
use std::process::Command;

/// A node of `scripts/rabbitmq`; removed at the end.
pub struct Node {
    name: String,
    server: String,
    pid_file: PathBuf,
    heartbeat: u32,
    /// Held by whoever does something to the node.
    pub hands: tokio::sync::Mutex<()>,
}

impl Node {
    pub fn start(name: String, heartbeat: u32) -> Self {
        let printed = script(&["start", &name]);
        let value = |key: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("{key} in {printed}")).to_owned()
        };
        let url = value("TRUNKLINE_TEST_AMQP_URL");
        let pid_file = PathBuf::from(value("TRUNKLINE_TEST_AMQP_DIR")).join("pid");
        Self { name, server: url, pid_file, heartbeat, hands: tokio::sync::Mutex::new(()) }
    }

    /// A dead peer is noticed after twice the heartbeat.
    pub fn url(&self) -> String {
        format!("{}?heartbeat={}&connection_timeout=3000", self.server, self.heartbeat)
    }

    /// `scripts/rabbitmq COMMAND NAME`.
    pub async fn run(&self, command: &'static str) {
        let name = self.name.clone();
        tokio::task::spawn_blocking(move || script(&[command, &name])).await.expect("the script runs");
    }

    /// `rabbitmqctl` on this node.
    pub async fn ctl(&self, arguments: &[&str]) {
        let name = self.name.clone();
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let call = move || {
            let mut all = vec!["ctl", &name, "-q"];
            all.extend(arguments.iter().map(String::as_str));
            script(&all);
        };
        tokio::task::spawn_blocking(call).await.expect("the script runs");
    }

    /// Sends a signal to the broker's process.
    pub fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(&self.pid_file).expect("the node runs");
        kill(signal, pid.trim());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _stopped = Command::new(PATH).args(["stop", &self.name]).status();
    }
}

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/rabbitmq");

fn script(arguments: &[&str]) -> String {
    let output = Command::new(PATH).args(arguments).output().expect("the script runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "scripts/rabbitmq {arguments:?}: {words}");
    String::from_utf8(output.stdout).expect("is UTF-8")
}

pub fn kill(signal: &str, pid: &str) {
    let sent = Command::new("kill").args([signal, pid]).status().expect("kill runs");
    assert!(sent.success(), "kill {signal} {pid}");
}
