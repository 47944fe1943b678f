//! Runs the real program.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

/// The program with an environment of its own.
pub(crate) struct Program {
    command: Command,
    input: Vec<u8>,
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program, in the repository's folder, without colours and without settings from the environment.
pub(crate) fn trunkline() -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TRUNKLINE__") {
            command.env_remove(name);
        }
    }
    Program { command, input: Vec::new() }
}

impl Program {
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Runs it in this folder.
    pub(crate) fn folder(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    pub(crate) fn run(mut self) -> Output {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("is piped");
        let input = std::mem::take(&mut self.input);
        // A program that does not read its input closes the pipe; that is its right.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("writes");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("writes UTF-8");
        Output {
            code: output.status.code().expect("ends by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}
