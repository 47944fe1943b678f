//! The README and the tutorial are true: every file is written, every command run, and its output compared; the dead
//! letter of the README was seen.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{blocks, file_of, root};
use crate::program::trunkline;

#[test]
fn the_tutorial_works_as_it_is_written() {
    let page = std::fs::read_to_string(root().join("README.md")).expect("readable");
    let tutorial = page.split("\n## ").find(|part| part.starts_with("A first route")).expect("is there");
    let folder = tempfile::tempdir().expect("a folder");
    let mut said = String::new();
    let mut ran = Vec::new();
    for block in blocks(tutorial) {
        if let Some((name, text)) = file_of(&block) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        } else if block.language == "sh" {
            for line in block.text.lines() {
                let arguments: Vec<&str> =
                    line.strip_prefix("trunkline ").expect("a command of ours").split(' ').collect();
                ran.push(arguments[0].to_owned());
                if arguments[0] == "run" {
                    runs(folder.path(), &arguments);
                    continue;
                }
                let files = arguments.iter().map(|one| match *one {
                    "message.json" => folder.path().join(one).display().to_string(),
                    other => other.to_owned(),
                });
                let out = trunkline().arg("--dir").arg(folder.path()).args(files).run();
                assert_eq!(out.code, 0, "{line}: {out:?}");
                said.push_str(&out.stdout);
            }
        } else if block.language == "xml" {
            assert!(said.contains(block.text.trim()), "line {}: it prints {said}", block.line);
        } else {
            // The diagnostic of a mistake that the text tells to make.
            let path = folder.path().join("routes/inquiry.yaml");
            let route = std::fs::read_to_string(&path).expect("written before");
            std::fs::write(&path, route.replace("steps:", "step:")).expect("written");
            let out = trunkline().arg("--dir").arg(folder.path()).arg("check").run();
            assert_eq!(out.code, 2, "{out:?}");
            assert!(out.stderr.contains(block.text.trim_end()), "{}\n{}", block.text, out.stderr);
            std::fs::write(&path, route).expect("written");
        }
    }
    assert_eq!(ran, ["check", "validate", "transform", "explain", "explain", "contract", "run"]);
}

fn runs(folder: &Path, arguments: &[&str]) {
    use std::io::{BufRead, BufReader};
    let mut bus = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("--dir")
        .arg(folder)
        .args(arguments)
        .env("TRUNKLINE__OPS__LISTEN", "127.0.0.1:0")
        .env("TRUNKLINE__LOG__FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = BufReader::new(bus.stderr.take().expect("is piped")).lines().map_while(Result::ok);
    assert!(log.any(|line| line.contains("\"message\":\"ready\"")), "is not ready");
    assert!(Command::new("kill").args(["-TERM", &bus.id().to_string()]).status().expect("kill runs").success());
    assert!(log.any(|line| line.contains("stopped")));
    assert_eq!(bus.wait().expect("ends").code(), Some(0));
}

/// From the first file on, everything is done as the page says. A block after commands is of what they print: its lines
/// are there in this order.
#[test]
fn the_long_tutorial_works_as_it_is_written() {
    let page = std::fs::read_to_string(root().join("docs/tutorial.md")).expect("readable");
    let folder = tempfile::tempdir().expect("a folder");
    let mut said = String::new();
    let (mut ran, mut compared, mut files) = (Vec::new(), 0, 0);
    for block in blocks(&page) {
        if let Some((name, text)) = file_of(&block) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
            files += 1;
        } else if block.language == "sh" {
            said.clear();
            for line in block.text.lines() {
                let (line, code) = line.split_once("  # exit code ").unwrap_or((line, "0"));
                let arguments: Vec<&str> =
                    line.strip_prefix("trunkline ").expect("a command of ours").split(' ').collect();
                ran.push(arguments[0].to_owned());
                if arguments[0] == "run" {
                    runs(folder.path(), &arguments);
                    continue;
                }
                let out = trunkline().folder(folder.path()).args(arguments).run();
                assert_eq!(out.code.to_string(), code, "{line}: {out:?}");
                said.push_str(&out.stdout);
                said.push_str(&out.stderr);
            }
        } else {
            let mut rest = said.as_str();
            for line in block.text.lines() {
                let found = rest.find(line);
                let at = found.unwrap_or_else(|| panic!("line {}: `{line}` does not stand in {rest}", block.line));
                rest = &rest[at + line.len()..];
            }
            compared += 1;
        }
    }
    let all = ["contract", "validate", "new", "transform", "check", "explain", "test", "trace", "run"];
    assert!(all.iter().all(|command| ran.iter().any(|one| one == command)), "{ran:?}");
    assert_eq!((files, compared), (11, 9), "{ran:?}");
    // What the page ends with is a whole project.
    let check = trunkline().folder(folder.path()).args(["check", "--deny-warnings"]).run();
    assert_eq!(check.code, 0, "{check:?}");
}

/// The dead letter in the README is one that the tests of the daemon have seen.
#[test]
fn the_dead_letter_of_the_readme_was_seen() {
    let page = std::fs::read_to_string(root().join("README.md")).expect("readable");
    let snapshots = root().join("tests/suite/daemon/snapshots");
    let files = std::fs::read_dir(snapshots).expect("a folder").map(|entry| entry.expect("an entry").path());
    let seen = files.filter(|path| path.to_string_lossy().ends_with("reasons.snap"));
    let seen = seen.map(|path| std::fs::read_to_string(path).expect("readable")).next().expect("is there");
    let letter = seen.split_once("\na price that is no number\n").expect("is there").1;
    let letter: Vec<&str> = letter.lines().map_while(|line| line.strip_prefix("  ")).collect();
    let mut rows = 0;
    for row in page.lines().filter(|line| line.starts_with("| `trunkline-")) {
        let (name, value) = row.trim_matches(['|', ' ']).split_once(" | ").expect("two cells");
        let name = name.trim_matches('`').strip_prefix("trunkline-").expect("is ours");
        let value = match value.starts_with('`') {
            true => value.trim_matches('`'),
            false => "1 in JSON",
        };
        assert!(letter.contains(&format!("{name}: {value}").as_str()), "{row}\n{}", letter.join("\n"));
        rows += 1;
    }
    assert_eq!(rows, letter.len(), "{}", letter.join("\n"));
}
