//! The bus under test: the real program in a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::node::kill;

/// The bus, started again as often as it is ended.
pub struct Bus {
    folder: PathBuf,
    url: String,
    child: Option<Child>,
    log: Arc<Log>,
}

/// What the bus has logged in all its lives.
pub struct Log {
    pub path: PathBuf,
    file: Mutex<File>,
    /// Lines of this life that somebody waits for.
    reloads: AtomicU32,
    panics: AtomicU32,
    /// The process; 0 while there is none.
    pub pid: AtomicU32,
    pub starts: AtomicU32,
}

impl Bus {
    pub fn new(folder: &Path, url: &str) -> Self {
        let path = folder.join("bus.log");
        let file = Mutex::new(File::create(&path).expect("a log"));
        let none = || AtomicU32::new(0);
        let log = Arc::new(Log { path, file, reloads: none(), panics: none(), pid: none(), starts: none() });
        Self { folder: folder.to_owned(), url: url.to_owned(), child: None, log }
    }

    pub fn log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    pub fn start(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRUNKLINE__") {
                command.env_remove(name);
            }
        }
        command.args(["run", "--dir"]).arg(&self.folder);
        command.env("TRUNKLINE__OPS__LISTEN", "127.0.0.1:0").env("TRUNKLINE__BROKER__URL", &self.url);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the bus starts");
        let lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
        let log = Arc::clone(&self.log);
        log.pid.store(child.id(), Ordering::Relaxed);
        log.starts.fetch_add(1, Ordering::Relaxed);
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| log.take(&line)));
        self.child = Some(child);
    }

    pub fn signal(&self, signal: &str) {
        kill(signal, &self.child.as_ref().expect("the bus runs").id().to_string());
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> Option<ExitStatus> {
        let child = self.child.as_mut().expect("the bus runs");
        for _ in 0..6_000 {
            if let Some(status) = child.try_wait().expect("is a child") {
                self.log.pid.store(0, Ordering::Relaxed);
                self.child = None;
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }

    /// Asks for a reload and waits until the bus says what became of it.
    pub async fn reload(&self) {
        let before = self.log.reloads.load(Ordering::Relaxed);
        self.signal("-HUP");
        for _ in 0..3_000 {
            if self.log.reloads.load(Ordering::Relaxed) > before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the bus says nothing of its reload");
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _killed = child.kill();
            let _status = child.wait();
        }
    }
}

impl Log {
    fn take(&self, line: &str) {
        if line.contains("\"reloaded\"") || line.contains("\"not reloaded") {
            self.reloads.fetch_add(1, Ordering::Relaxed);
        }
        if line.contains("panicked") {
            self.panics.fetch_add(1, Ordering::Relaxed);
        }
        let _full = writeln!(self.file.lock().expect("not poisoned"), "{line}");
    }

    pub fn panics(&self) -> u32 {
        self.panics.load(Ordering::Relaxed)
    }

    /// The lines that name a message.
    pub fn of(&self, id: &str) -> Vec<String> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let named = format!("\"{id}\"");
        text.lines().filter(|line| line.contains(&named)).map(str::to_owned).collect()
    }

    /// Resident memory of the process in KiB.
    pub fn resident(&self) -> Option<u64> {
        let pid = self.pid.load(Ordering::Relaxed);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }
}
