//! The bus under test: the real program in a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::node::kill;

/// The bus, started again as often as it is ended.
pub struct Bus {
    folder: PathBuf,
    url: String,
    /// What makes its clock wrong, if that is to be.
    faketime: Option<PathBuf>,
    child: Option<Child>,
    log: Arc<Log>,
}

/// The file that says by how much the clock of the bus is wrong.
const CLOCK: &str = "clock";

/// Sets the clock of the bus; it notices within a second.
pub fn set_clock(folder: &Path, offset: &str) {
    std::fs::write(folder.join(CLOCK), offset).expect("is written");
}

/// What makes a clock wrong: Debian's package `libfaketime`.
pub fn libfaketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}

/// What the bus has logged in all its lives.
pub struct Log {
    pub path: PathBuf,
    file: Mutex<File>,
    /// Whether this life has said something: from then on it knows its signals.
    awake: AtomicBool,
    /// Lines that somebody waits for.
    reloads: AtomicU32,
    panics: AtomicU32,
    /// The process; 0 while there is none.
    pub pid: AtomicU32,
    pub kills: AtomicU32,
}

impl Bus {
    pub fn new(folder: &Path, url: &str, faketime: Option<PathBuf>) -> Self {
        set_clock(folder, "+0");
        let path = folder.join("bus.log");
        let file = Mutex::new(File::create(&path).expect("a log"));
        let none = || AtomicU32::new(0);
        let awake = AtomicBool::new(false);
        let log = Arc::new(Log { path, file, awake, reloads: none(), panics: none(), pid: none(), kills: none() });
        Self { folder: folder.to_owned(), url: url.to_owned(), faketime, child: None, log }
    }

    pub fn log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    pub fn start(&mut self) {
        // Writing beyond a limit is to fail as on a full disk, not to end the process.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_trunkline")]);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRUNKLINE__") {
                command.env_remove(name);
            }
        }
        command.args(["run", "--dir"]).arg(&self.folder);
        command.env("TRUNKLINE__OPS__LISTEN", "127.0.0.1:0").env("TRUNKLINE__BROKER__URL", &self.url);
        if let Some(library) = &self.faketime {
            command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", self.folder.join(CLOCK));
            // Only what the calendar says jumps; and a file is not read for each question.
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_CACHE_DURATION", "1");
            command.env("FAKETIME_DISABLE_SHM", "1");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the bus starts");
        let lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
        let log = Arc::clone(&self.log);
        log.pid.store(child.id(), Ordering::Relaxed);
        log.awake.store(false, Ordering::Relaxed);
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| log.take(&line)));
        self.child = Some(child);
    }

    pub fn signal(&self, signal: &str) {
        kill(signal, &self.child.as_ref().expect("the bus runs").id().to_string());
    }

    /// Ends it at once, by kill -9.
    pub async fn kill(&mut self) {
        self.signal("-KILL");
        self.log.kills.fetch_add(1, Ordering::Relaxed);
        self.ended().await;
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

    /// Limits how far into a file the process can write.
    pub fn limit_files(&self, bytes: &str) {
        let pid = self.child.as_ref().expect("the bus runs").id();
        let limit = format!("--fsize={bytes}:unlimited");
        let limited = Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().expect("prlimit runs");
        assert!(limited.success(), "prlimit {limit}");
    }

    /// Waits until a process that was just started takes signals.
    pub async fn awake(&self) {
        for _ in 0..3_000 {
            if self.log.awake.load(Ordering::Relaxed) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the bus has started and says nothing");
    }

    /// Asks for a reload and waits until the bus says what became of it.
    pub async fn reload(&self) {
        self.awake().await;
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
        if line.starts_with('{') {
            self.awake.store(true, Ordering::Relaxed);
        }
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
