//! What a process uses, from `/proc`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// Clock ticks a second of `/proc/PID/stat`: 100 on every Linux.
const TICKS: f64 = 100.0;

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Seconds of user and system time.
    pub cpu: f64,
    pub resident_mib: f64,
    pub peak_mib: f64,
}

pub fn usage(pid: u32) -> Usage {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a living process");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("ticks");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a living process");
    let mib = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
    };
    Usage { cpu: (ticks(11) + ticks(12)) / TICKS, resident_mib: mib("VmRSS"), peak_mib: mib("VmHWM") }
}

/// A relay at work.
pub enum Running {
    Process {
        child: Mutex<Child>,
        pid: u32,
        log: Option<Mutex<BufReader<std::process::ChildStderr>>>,
    },
    /// Inside the broker: nothing of it can be told apart.
    Shovel {
        folder: String,
    },
}

impl Running {
    pub fn spawn(mut command: Command, log: bool) -> Self {
        command.stdout(Stdio::null()).stderr(if log { Stdio::piped() } else { Stdio::inherit() });
        let mut child = command.spawn().expect("the relay starts");
        let log = child.stderr.take().map(|pipe| Mutex::new(BufReader::new(pipe)));
        Self::Process { pid: child.id(), child: Mutex::new(child), log }
    }

    /// Waits for a line of the log with this in it.
    pub fn wait_for(&self, text: &str) {
        let Self::Process { log: Some(log), .. } = self else { return };
        let mut log = log.lock().expect("not poisoned");
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(log.read_line(&mut line).expect("text") > 0, "the log ends without `{text}`");
        }
    }

    pub fn usage(&self) -> Usage {
        match self {
            Self::Process { pid, .. } => usage(*pid),
            Self::Shovel { .. } => Usage::default(),
        }
    }

    /// Ends the relay.
    pub async fn stop(self) {
        match self {
            Self::Process { child, pid, log } => {
                let asked = Command::new("kill").args(["-TERM", &pid.to_string()]).status().expect("kill runs");
                assert!(asked.success(), "the relay had ended before");
                drop(log);
                child.into_inner().expect("not poisoned").wait().expect("ends");
            }
            Self::Shovel { folder } => super::relays::ctl(&folder, &["clear_parameter", "shovel", "bench"]),
        }
    }
}
