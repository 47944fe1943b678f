//! The relays that are compared.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::broker::Client;
use super::process::Running;

/// What moves messages from one queue to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relay {
    /// lapin, and nothing else.
    Bare,
    /// Trunkline with a route that does not look at bodies.
    Untouched,
    /// Trunkline with a route that validates, maps, converts to XML and validates again.
    Order,
    /// RabbitMQ's own.
    Shovel,
}

/// In the order in which they take turns. The first one is what the others are compared with.
pub const RELAYS: [Relay; 4] = [Relay::Bare, Relay::Untouched, Relay::Order, Relay::Shovel];

impl Relay {
    pub fn title(self) -> &'static str {
        match self {
            Self::Bare => "(a) bare lapin relay",
            Self::Untouched => "(b) Trunkline, untouched body",
            Self::Order => "(c) Trunkline, validate + map + JSON→XML + validate",
            Self::Shovel => "(d) RabbitMQ's shovel",
        }
    }

    /// Where it takes from, and where it puts to.
    pub fn queues(self) -> (String, String) {
        let name = format!("bench.{self:?}").to_lowercase();
        (name.clone(), format!("{name}.out"))
    }

    /// Declares its queues. A route declares the one that it takes from by itself.
    pub async fn prepare(self, client: &Client) {
        let (from, to) = self.queues();
        client.declare(&to).await;
        match self {
            Self::Bare | Self::Shovel => client.declare(&from).await,
            Self::Untouched | Self::Order => {
                self.write_project(client);
                let running = self.start(client);
                running.wait_for("\"message\":\"ready\"");
                running.stop().await;
            }
        }
    }

    pub fn start(self, client: &Client) -> Running {
        let (from, to) = self.queues();
        match self {
            Self::Bare => {
                let mut command = Command::new(std::env::current_exe().expect("this program"));
                command.args(["relay", &client.url, &from, &to]);
                Running::spawn(command, false)
            }
            Self::Untouched | Self::Order => trunkline(client, &self.folder(client)),
            Self::Shovel => {
                let settings = format!(
                    r#"{{"src-protocol":"amqp091","src-uri":"{url}","src-queue":"{from}","dest-protocol":"amqp091","dest-uri":"{url}","dest-queue":"{to}","ack-mode":"on-confirm","src-prefetch-count":250}}"#,
                    url = client.url
                );
                ctl(&client.folder, &["set_parameter", "shovel", "bench", &settings]);
                Running::Shovel { folder: client.folder.clone() }
            }
        }
    }

    fn folder(self, client: &Client) -> PathBuf {
        Path::new(&client.folder).join(format!("bench-{self:?}"))
    }

    fn write_project(self, client: &Client) {
        let (from, to) = self.queues();
        let work = match self {
            Self::Order => {
                format!(
                    "accepts: shop/order-event\nsteps:\n  - transform: shop/order-to-erp\n  - to: {{ amqp: {{ routing_key: {to} }} }}\n"
                )
            }
            _ => format!("steps:\n  - to: {{ amqp: {{ routing_key: {to} }} }}\n"),
        };
        let folder = self.folder(client);
        std::fs::create_dir_all(folder.join("routes")).expect("a folder");
        let route = format!("from: {{ amqp: {{ queue: {from} }} }}\n{work}");
        std::fs::write(folder.join("routes/bench.yaml"), route).expect("written");
        for part in ["schemas", "transforms"] {
            let link = folder.join(part);
            if self == Self::Order && !link.exists() {
                let target = Path::new(env!("CARGO_MANIFEST_DIR")).join(part);
                std::os::unix::fs::symlink(target, link).expect("linked");
            }
        }
    }
}

/// The bus with the shipped example.
pub fn example(client: &Client) -> Running {
    trunkline(client, Path::new(env!("CARGO_MANIFEST_DIR")))
}

fn trunkline(client: &Client, folder: &Path) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    command.args(["run", "--dir"]).arg(folder);
    command.env("TRUNKLINE__BROKER__URL", &client.url).env("TRUNKLINE__OPS__LISTEN", "127.0.0.1:0");
    command.env("TRUNKLINE__LOG__FORMAT", "json");
    Running::spawn(command, true)
}

/// Runs `rabbitmqctl` on the node of a folder.
pub fn ctl(folder: &str, arguments: &[&str]) {
    let name = folder.rsplit('-').next().expect("a name");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/rabbitmq");
    let status = Command::new(script).args(["ctl", name, "-q"]).args(arguments).status().expect("the script runs");
    assert!(status.success(), "rabbitmqctl {arguments:?}");
}
