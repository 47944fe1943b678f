//! `trunkline run` as a child process, with its log and its HTTP listener.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};

use trunkline::adapter::amqp::{Amqp, AmqpSettings};
use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Adapter, Session};

use crate::broker::{ctl, queue, soon, unique, variable};

/// The shipped example is the repository itself.
pub(super) fn example() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A virtual host of one test, so that its queues are apart from those of others.
pub(crate) struct VirtualHost {
    url: String,
}

impl VirtualHost {
    pub(crate) async fn new() -> Self {
        let name = unique("vhost").to_string();
        let made = name.clone();
        tokio::task::spawn_blocking(move || {
            ctl(&["add_vhost", &made]);
            ctl(&["set_permissions", "-p", &made, "guest", ".*", ".*", ".*"]);
        })
        .await
        .expect("is made");
        let base = variable("TRUNKLINE_TEST_AMQP_URL");
        let (server, _) = base.rsplit_once('/').expect("a virtual host");
        Self { url: format!("{server}/{name}") }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// For `rabbitmqctl -p`.
    pub(crate) fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn adapter(&self) -> Amqp {
        adapter(&self.url)
    }
}

pub(super) fn adapter(url: &str) -> Amqp {
    Amqp::new(AmqpSettings { url: url.to_owned(), ..AmqpSettings::default() }).expect("a valid URI")
}

/// The running program.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    operations: String,
}

/// How to start it.
pub(crate) struct Start {
    command: Command,
}

impl Start {
    /// The project of a folder.
    pub(crate) fn project(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRUNKLINE__") {
                command.env_remove(name);
            }
        }
        command.args(["run", "--dir"]).arg(folder);
        command.env("TRUNKLINE__OPS__LISTEN", "127.0.0.1:0").env("TRUNKLINE__LOG__FORMAT", "json");
        Self { command }
    }

    pub(crate) fn at(mut self, url: &str) -> Self {
        self.command.env("TRUNKLINE__BROKER__URL", url);
        self
    }

    pub(super) fn embedded(mut self) -> Self {
        self.command.arg("--embedded");
        self
    }

    /// A file that would grow beyond a limit is an error to it, as on a full disk, and not its end.
    pub(super) fn limited(mut self) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(self.command.get_program())
            .args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        self.command = shell;
        self
    }

    /// Starts it and waits until its HTTP listener is there.
    pub(super) async fn run(mut self) -> Daemon {
        let mut child =
            self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, into) = (BufReader::new(child.stderr.take().expect("is piped")).lines(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                into.lock().unwrap().push(line);
            }
        });
        let mut daemon = Daemon { child, log, operations: String::new() };
        let line = daemon.logged("metrics and probes are served").await;
        let event: serde_json::Value = serde_json::from_str(&line).expect("the log is JSON");
        daemon.operations = event["address"].as_str().expect("an address").to_owned();
        daemon
    }

    /// Starts it and waits until all its routes take messages.
    pub(crate) async fn ready(self) -> Daemon {
        let daemon = self.run().await;
        daemon.logged("\"message\":\"ready\"").await;
        daemon
    }
}

impl Daemon {
    fn log(&self) -> MutexGuard<'_, Vec<String>> {
        self.log.lock().unwrap()
    }

    /// Waits for a line of the log.
    pub(crate) async fn logged(&self, words: &str) -> String {
        soon(words, async {
            loop {
                if let Some(line) = self.log().iter().find(|line| line.contains(words)) {
                    return line.clone();
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// Status and body of an operator's page.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.operations);
        let response = soon("an HTTP response", reqwest::get(url)).await.expect("is served");
        (response.status().as_u16(), response.text().await.expect("a body"))
    }

    /// Status and body of what is posted without a body, as a page in a browser if `origin` is its address.
    pub(crate) async fn post(&self, path: &str, origin: Option<&str>) -> (u16, String) {
        let mut request = reqwest::Client::new().post(format!("http://{}{path}", self.operations));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let response = soon("an HTTP response", request.send()).await.expect("is served");
        (response.status().as_u16(), response.text().await.expect("a body"))
    }

    /// The report of `/readyz`, when it says what is waited for.
    pub(super) async fn reports(&self, what: &str, says: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        soon(what, async {
            loop {
                let (status, body) = self.get("/readyz").await;
                let report: serde_json::Value = serde_json::from_str(&body).expect("is JSON");
                assert_eq!(report["ready"], status == 200, "{body}");
                if says(&report) {
                    return report;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Limits the size of its files from now on.
    pub(super) fn limit_files(&self, bytes: &str) {
        let pid = self.child.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
        assert!(done.expect("prlimit runs (Debian package `util-linux`)").success());
    }

    /// Waits for the end; its exit code.
    pub(super) async fn ended(mut self) -> Option<i32> {
        soon("the end", async {
            loop {
                if let Some(status) = self.child.try_wait().expect("is a child") {
                    return status.code();
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// Asks it to stop, which it must do with 0.
    pub(crate) async fn stop(self) {
        self.signal("-TERM");
        assert_eq!(self.ended().await, Some(0));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log().join("\n"));
        }
    }
}

/// The sum of a metric over all series that have these labels.
pub(super) fn metric(text: &str, name: &str, labels: &[&str]) -> f64 {
    let series = text.lines().filter_map(|line| line.strip_prefix(name).map(|rest| (rest, line)));
    let own =
        series.filter(|(rest, line)| rest.starts_with(['{', ' ']) && labels.iter().all(|label| line.contains(label)));
    own.map(|(_, line)| line.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number")).sum()
}

/// Writes a project of routes alone.
pub(crate) fn project(routes: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("routes")).expect("is new");
    for (name, text) in routes {
        std::fs::write(folder.path().join(format!("routes/{name}.yaml")), text).expect("is written");
    }
    let path = folder.path().to_owned();
    (folder, path)
}

/// A virtual host with a queue `out`, and the project of one route that keeps something in a file.
pub(super) async fn keeping(name: &str, route: &str) -> (VirtualHost, tempfile::TempDir, Arc<dyn Session>) {
    let host = VirtualHost::new().await;
    let (folder, path) = project(&[(name, route)]);
    std::fs::write(path.join("trunkline.yaml"), "store: { path: state/store.redb }\n").expect("is written");
    let session = host.adapter().open().await.expect("a session");
    let queues = vec![queue(&"out".into(), &[])];
    session.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
    (host, folder, session)
}
