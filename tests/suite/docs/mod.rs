//! What the pages tell is true: files are checked, commands exist, examples are run.

mod architecture;
mod conversion;
mod deployment;
mod guarantees;
mod patterns;
mod project;
mod tutorial;

pub(crate) use project::example;

use std::path::PathBuf;

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
    let is_path = name.rsplit('.').next().is_some_and(|ending| ["yaml", "json", "xsd", "xml"].contains(&ending));
    (is_path && !name.contains(' ')).then_some((name, rest))
}

/// The file that a page prints under a name.
pub(crate) fn printed(page: &str, name: &str) -> String {
    let text = std::fs::read_to_string(root().join(page)).expect("readable");
    let blocks = blocks(&text);
    let (_, text) = blocks.iter().filter_map(file_of).find(|(found, _)| *found == name).expect("is printed");
    text.to_owned()
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

/// Every block is of a language that is looked at: YAML in `project`, XML in `conversion` and `tutorial`. A command is
/// one that the program or the Makefile has.
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
                "json" => {
                    let text = match block.text.split_once('\n') {
                        Some((first, rest)) if first.starts_with("// ") => rest,
                        _ => block.text.as_str(),
                    };
                    let read: Result<serde_json::Value, _> = serde_json::from_str(text);
                    assert!(read.is_ok(), "{place}: {:?}", read.err());
                }
                "sh" => {
                    // A command goes on in lines that are indented.
                    let joined = block.text.replace("\n  ", " ");
                    joined.lines().for_each(|line| is_command(line, &makefile, &place));
                }
                "yaml" | "xml" | "text" => {}
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
        ["rabbitmqadmin", "declare", "queue", rest @ ..] => {
            assert!(rest.iter().all(|word| word.contains('=')), "{place}: {line}");
        }
        ["rabbitmqctl", "set_parameter", "shovel", ..] => {
            let settings = line.split('\'').nth(1).expect("settings in quotes");
            let read: Result<serde_json::Value, _> = serde_json::from_str(settings);
            assert!(read.is_ok(), "{place}: {:?}", read.err());
        }
        ["trunkline", "--dir", _, command, ..] | ["trunkline", command, ..] => {
            let out = trunkline().args([command, "--help"]).run();
            assert_eq!(out.code, 0, "{place}: {line}: {out:?}");
        }
        _ => panic!("{place}: `{line}` is not a command that is known here"),
    }
}
