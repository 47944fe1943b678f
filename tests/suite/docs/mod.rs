//! What the pages tell is true: every file of the tutorial is written, every command is run, every YAML block is read.

mod conversion;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use trunkline::diagnostic::{SourceFile, yaml};

use crate::program::trunkline;

/// A fenced block.
struct Block {
    language: String,
    text: String,
    line: usize,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (line, number) in text.lines().zip(1..) {
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(language), false) => {
                found.push(Block { language: language.trim().to_owned(), text: String::new(), line: number });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = found.last_mut().expect("is open");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    found
}

/// The file that a block is, named in a comment on its first line.
fn file_of(block: &Block) -> Option<(&str, &str)> {
    let (first, rest) = block.text.split_once('\n')?;
    let name = ["# ", "// ", "<!-- "].iter().find_map(|mark| first.strip_prefix(mark))?;
    let name = name.trim_end_matches(" -->").trim();
    let is_path = name.rsplit('.').next().is_some_and(|ending| ["yaml", "json", "xsd"].contains(&ending));
    (is_path && !name.contains(' ')).then_some((name, rest))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].iter().map(|name| root().join(name)).collect();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

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
    assert_eq!(ran, ["check", "validate", "transform", "explain", "contract", "run"]);
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

/// Elsewhere a block of YAML is at least YAML, and a command is one that the program or the Makefile has.
#[test]
fn every_block_is_what_it_says() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("readable");
    let mut seen = 0;
    for path in pages() {
        let text = std::fs::read_to_string(&path).expect("readable");
        for block in blocks(&text) {
            let place = format!("{}:{}", path.display(), block.line);
            seen += 1;
            match block.language.as_str() {
                "yaml" => {
                    let file = SourceFile::new("block.yaml", block.text.as_str());
                    let read: Result<serde_json::Value, _> = yaml::parse(&file);
                    assert!(read.is_ok(), "{place}: {:?}", read.err());
                }
                "json" => {
                    let text = match block.text.split_once('\n') {
                        Some((first, rest)) if first.starts_with("// ") => rest,
                        _ => block.text.as_str(),
                    };
                    let read: Result<serde_json::Value, _> = serde_json::from_str(text);
                    assert!(read.is_ok(), "{place}: {:?}", read.err());
                }
                "sh" => block.text.lines().for_each(|line| is_command(line, &makefile, &place)),
                "xml" | "text" => {}
                other => panic!("{place}: a block of `{other}` is not checked by anybody"),
            }
        }
    }
    assert!(seen > 10, "{seen} blocks");
}

fn is_command(line: &str, makefile: &str, place: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [] => {}
        ["make", target, ..] => {
            assert!(makefile.contains(&format!("\n{target}:")), "{place}: the Makefile has no `{target}`");
        }
        ["trunkline", command, ..] => {
            let out = trunkline().args([command, "--help"]).run();
            assert_eq!(out.code, 0, "{place}: {line}: {out:?}");
        }
        _ => panic!("{place}: `{line}` is not a command that is known here"),
    }
}

#[test]
fn the_files_for_deployment_are_sound() {
    let folder = root().join("deploy");
    for name in ["compose.yaml", "prometheus.yml", "alerts.yml"] {
        let file = SourceFile::new(name, std::fs::read_to_string(folder.join(name)).expect("readable"));
        let read: Result<serde_json::Value, _> = yaml::parse(&file);
        assert!(read.is_ok(), "{name}: {:?}", read.err());
    }
    let linters: [(&str, &[&str]); 2] = [
        ("promtool", &["check", "config", "prometheus.yml"]),
        ("systemd-analyze", &["verify", "--recursive-errors=no", "trunkline.service"]),
    ];
    for (linter, arguments) in linters {
        match Command::new(linter).args(arguments).current_dir(&folder).output() {
            Err(_) => eprintln!("skipped: {linter} is not installed"),
            Ok(said) => {
                let text =
                    format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
                // The program is not installed where the tests run.
                let fine = said.status.success() || text.contains("is not executable");
                assert!(fine, "{linter}: {text}");
            }
        }
    }
}

#[test]
fn every_metric_in_an_alert_exists() {
    let alerts = std::fs::read_to_string(root().join("deploy/alerts.yml")).expect("readable");
    let metrics = std::fs::read_to_string(root().join("docs/reference/metrics.md")).expect("readable");
    let expressions = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let names: Vec<&str> = expressions
        .flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .filter(|word| word.starts_with("trunkline_"))
        .collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert!(metrics.contains(&format!("`{name}`")), "{name}");
    }
}
