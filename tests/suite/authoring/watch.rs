//! `trunkline transform --watch`: the result of a mapping, again after each change.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::program::trunkline;

/// Longer than any machine takes; reached only if nothing comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.for_each(|line| drop(sender.send(line)));
    });
    receiver
}

/// Waits for a line with this text.
fn wait(lines: &Receiver<String>, text: &str) {
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line with `{text}`"));
        if line.contains(text) {
            return;
        }
    }
}

#[test]
fn shows_the_result_or_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| super::write(folder.path(), name, text);
    let mapping = |program: &str| write("transforms/m.yaml", &format!("from: any\nto: any\nmap: '{program}'\n"));
    write("schemas/any.json", "true");
    mapping("{ got: .a }");
    let document = write("document.json", r#"{ "a": 1 }"#);
    let mut child = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("--dir")
        .arg(folder.path())
        .args(["transform", "m", "--watch"])
        .arg(&document)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let (out, said) = (lines(child.stdout.take().expect("piped")), lines(child.stderr.take().expect("piped")));
    let _running = Running(child);
    wait(&out, r#"{"got":1}"#);
    wait(&said, "waiting for changes");
    write("document.json", r#"{ "a": "two" }"#);
    wait(&out, r#"{"got":"two"}"#);
    wait(&said, "waiting for changes");
    mapping("{ got: .a");
    wait(&said, "transforms/m.yaml");
    wait(&said, "waiting for changes");
    mapping("{ again: .a }");
    wait(&out, r#"{"again":"two"}"#);
}

#[test]
fn standard_input_cannot_be_watched() {
    let out = trunkline().args(["transform", "crm/lead", "-", "--watch"]).run();
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
}
