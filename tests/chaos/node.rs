//! The RabbitMQ node of the campaign: its own, so that it can be killed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A node of `scripts/rabbitmq`; removed at the end.
pub struct Node {
    name: String,
    server: String,
    tls: String,
    folder: PathBuf,
    heartbeat: u32,
    /// Held by whoever does something to the node.
    pub hands: tokio::sync::Mutex<()>,
}

impl Node {
    /// One node for one instance of the bus, or three that are a cluster.
    pub fn start(name: &str, instances: usize, heartbeat: u32) -> Vec<Self> {
        let count = if instances > 1 { 3 } else { 1 };
        (0..count).map(|number| Self::start_one(name, number, heartbeat)).collect()
    }

    fn start_one(first: &str, number: u32, heartbeat: u32) -> Self {
        let name = if number == 0 { first.to_owned() } else { format!("{first}-{number}") };
        let mut command = Command::new(PATH);
        if number > 0 {
            command.env("TRUNKLINE_TEST_JOIN", first);
        }
        let printed = outcome(command.args(["start", &name]));
        let value = |key: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("{key} in {printed}")).to_owned()
        };
        let url = value("TRUNKLINE_TEST_AMQP_URL");
        let tls = value("TRUNKLINE_TEST_AMQPS_URL");
        let folder = PathBuf::from(value("TRUNKLINE_TEST_AMQP_DIR"));
        Self { name, server: url, tls, folder, heartbeat, hands: tokio::sync::Mutex::default() }
    }

    /// What the other nodes call it.
    pub fn erlang_name(&self) -> String {
        let file = std::fs::read_to_string(self.folder.join("node.env")).expect("the node's file");
        let name = file.lines().find_map(|line| line.strip_prefix("NODE="));
        name.expect("its name").to_owned()
    }

    /// A dead peer is noticed after twice the heartbeat.
    pub fn url(&self) -> String {
        format!("{}?heartbeat={}&connection_timeout=3000", self.server, self.heartbeat)
    }

    /// The address of the bus: with TLS and a certificate on both sides.
    pub fn tls_url(&self) -> String {
        format!("{}?heartbeat={}&connection_timeout=3000", self.tls, self.heartbeat)
    }

    /// Gives a project what it needs for TLS.
    pub fn hand_out_certificates(&self, folder: &Path) {
        std::fs::create_dir_all(folder.join("tls")).expect("a folder");
        for file in ["ca.pem", "client.pem", "client.key"] {
            std::fs::copy(self.folder.join(file), folder.join("tls").join(file)).expect("is copied");
        }
    }

    /// Which RabbitMQ it is.
    pub fn version(&self) -> String {
        script(&["ctl", &self.name, "-q", "version"]).trim().to_owned()
    }

    /// `scripts/rabbitmq COMMAND NAME`.
    pub async fn run(&self, command: &'static str) {
        let name = self.name.clone();
        tokio::task::spawn_blocking(move || script(&[command, &name])).await.expect("the script runs");
    }

    /// `rabbitmqctl` on this node.
    pub async fn ctl(&self, arguments: &[&str]) {
        self.ask(arguments).await;
    }

    /// What `rabbitmqctl` prints on this node.
    pub async fn ask(&self, arguments: &[&str]) -> String {
        let name = self.name.clone();
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let call = move || {
            let mut all = vec!["ctl", &name, "-q"];
            all.extend(arguments.iter().map(String::as_str));
            script(&all)
        };
        tokio::task::spawn_blocking(call).await.expect("the script runs")
    }

    /// Sends a signal to the broker's process.
    pub fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.join("pid")).expect("the node runs");
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
    outcome(Command::new(PATH).args(arguments))
}

/// What a command prints; it must succeed.
fn outcome(command: &mut Command) -> String {
    let output = command.output().expect("the script runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {words}");
    String::from_utf8(output.stdout).expect("is UTF-8")
}

pub fn kill(signal: &str, pid: &str) {
    let sent = Command::new("kill").args([signal, pid]).status().expect("kill runs");
    assert!(sent.success(), "kill {signal} {pid}");
}
