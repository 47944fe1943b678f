//! `trunkline fmt`: one layout, the same document, every comment.

use proptest::prelude::*;
use trunkline::config::layout::layout;
use trunkline::diagnostic::{SourceFile, yaml};

use crate::program::trunkline;

#[test]
fn the_shipped_files_have_the_layout() {
    for project in [".", "examples/canonical"] {
        let out = trunkline().args(["fmt", "--check", "--dir", project]).run();
        assert_eq!((out.code, out.stdout.as_str(), out.stderr.as_str()), (0, "", ""), "{out:?}");
    }
}

#[test]
fn lays_out() {
    for (given, expected) in [
        ("a:   1\nb:\n- x\n-   y\n", "a: 1\nb:\n  - x\n  - y\n"),
        ("a:\n    b:\n        c: 1\n    d: 2\n", "a:\n  b:\n    c: 1\n  d: 2\n"),
        ("\n\n# head\n\n\n\na: 1   \n\n\nb: 2\n\n\n", "# head\n\na: 1\n\nb: 2\n"),
        (
            "steps:\n- to:\n      x: 1\n# next\n- log: hi # why\n",
            "steps:\n  - to:\n      x: 1\n  # next\n  - log: hi # why\n",
        ),
        ("a:\n    - 1\n    # - 2\nb: 1\n", "a:\n  - 1\n  # - 2\nb: 1\n"),
        ("map: |\n      { a: 1,\n        b: 2 }\n\n\n\nto: x\n", "map: |\n  { a: 1,\n    b: 2 }\n\nto: x\n"),
        ("a: { b: 'it''s', c: \"#\\\"\" }\r\n", "a: { b: 'it''s', c: \"#\\\"\" }\n"),
        (
            "a:\n    json:\n      {\n        \"x\": [\n          1 ]\n      }\n",
            "a:\n  json:\n    {\n      \"x\": [\n        1 ]\n    }\n",
        ),
        ("a: one\n      two\nb: 'x\n      y'\n", "a: one\n  two\nb: 'x\n      y'\n"),
        ("- - 1\n  - 2\n-   k: 1\n    l: 2\n", "- - 1\n  - 2\n- k: 1\n  l: 2\n"),
        ("\"@id\":    x\n\"a: b\": y\n", "\"@id\": x\n\"a: b\": y\n"),
        ("a:   &x\n    b: 1\nc:\n- *x\n- [*x]\n", "a: &x\n  b: 1\nc:\n  - *x\n  - [*x]\n"),
        ("a:\n  -\n      - |\n        x\n", "a:\n  -\n    - |\n      x\n"),
        ("a: [b & c, it's]\n", "a: [b & c, it's]\n"),
        ("", ""),
    ] {
        let done = layout(given).unwrap_or_else(|refused| panic!("{given}: {refused}"));
        assert_eq!(done, expected, "{given}");
        assert_eq!(layout(&done).as_deref(), Ok(done.as_str()), "{given}");
    }
}

#[test]
fn leaves_alone_what_it_does_not_know() {
    for (text, line) in [
        ("a: 1\nb: !tag 2\n", 2),
        ("a: |2\n    x\n", 1),
        ("---\na: 1\n", 1),
        ("a:\n\t- 1\n", 2),
        ("? a\n: b\n", 1),
        ("a: [1\n", 1),
        ("a: [1, !x 2]\n", 1),
        ("a: &x &y 1\n", 1),
    ] {
        let refused = layout(text).expect_err(text);
        assert_eq!(refused.line, line, "{text}: {refused}");
    }
}

/// A document, and one of the ways to write it.
#[derive(Clone, Debug)]
enum Node {
    Scalar(&'static str),
    Block(Vec<String>),
    List(Vec<Node>),
    Map(Vec<(usize, Node)>),
}

const SCALARS: [&str; 9] =
    ["1", "1.10", "text", "'it''s: #1'", "\"a # b\"", "{ x: 1, y: [a, b] }", "[]", "5s # why", "a:b"];

fn nodes() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        (0..SCALARS.len()).prop_map(|at| Node::Scalar(SCALARS[at])),
        prop::collection::vec("[a-z#:{]{1,3}( [a-z]| {2,3}[-|])?", 1..4).prop_map(Node::Block),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Node::List),
            prop::collection::vec((0_usize..3, inner), 1..4).prop_map(Node::Map),
        ]
    })
}

/// Writes a node below a line; `wide` decides indentation, blank lines and comments.
fn write(node: &Node, indent: usize, wide: &mut fastrand::Rng, out: &mut String) {
    let noise = |wide: &mut fastrand::Rng, out: &mut String| match wide.u8(0..8) {
        0 => out.push_str("\n\n"),
        1 => out.push_str(&format!("{}# note {}\n", " ".repeat(indent), wide.u8(..))),
        _ => {}
    };
    let value = |node: &Node, wide: &mut fastrand::Rng, out: &mut String| match node {
        Node::Scalar(text) => out.push_str(&format!("{}{text}\n", " ".repeat(wide.usize(1..4)))),
        Node::Block(lines) => {
            out.push_str(" |\n");
            let inner = " ".repeat(indent + wide.usize(1..5));
            lines.iter().for_each(|line| out.push_str(&format!("{inner}{line}\n")));
        }
        other => {
            out.push('\n');
            let deeper = indent + wide.usize(1..5);
            write(other, deeper, wide, out);
        }
    };
    match node {
        Node::List(items) => {
            for item in items {
                noise(wide, out);
                out.push_str(&format!("{}-", " ".repeat(indent)));
                value(item, wide, out);
            }
        }
        Node::Map(members) => {
            for (number, (_, member)) in members.iter().enumerate() {
                noise(wide, out);
                out.push_str(&format!("{}key{number}:", " ".repeat(indent)));
                value(member, wide, out);
            }
        }
        leaf => {
            out.push_str(&format!("{}key:", " ".repeat(indent)));
            value(leaf, wide, out);
        }
    }
}

fn read(text: &str) -> serde_json::Value {
    yaml::parse(&SourceFile::new("x.yaml", text)).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn keeps_the_document_and_its_comments(node in nodes(), seed: u64) {
        let mut text = String::new();
        write(&node, 0, &mut fastrand::Rng::with_seed(seed), &mut text);
        let before = read(&text);
        let done = layout(&text);
        prop_assert!(done.is_ok(), "{}\n{:?}", text, done);
        let done = done.unwrap_or_default();
        prop_assert_eq!(&read(&done), &before, "{}\n{}", text, done);
        prop_assert_eq!(layout(&done), Ok(done.clone()), "{}\n{}", text, done);
        let notes = |text: &str| text.lines().filter(|line| line.trim_start().starts_with("# note")).count();
        prop_assert_eq!(notes(&done), notes(&text));
        prop_assert!(done.lines().all(|line| !line.ends_with(' ')) || matches!(node, Node::Block(_)), "{}", done);
    }
}

#[test]
fn the_command_rewrites_checks_and_reads_stdin() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| super::write(folder.path(), name, text);
    let route = write("routes/a.yaml", "from:\n    amqp: { queue: a }   # in\nsteps:\n- log: hi\n");
    let odd = write("transforms/b.yaml", "from: !x a\nto: b\n");
    let run = |arguments: &[&str]| trunkline().arg("--dir").arg(folder.path()).args(arguments).run();
    let check = run(&["fmt", "--check"]);
    assert_eq!((check.code, check.stdout), (1, format!("{}\n", route.display())));
    let out = run(&["fmt"]);
    assert_eq!((out.code, out.stdout), (1, format!("{}\n", route.display())));
    assert!(out.stderr.contains("b.yaml: line 1: a tag"), "{}", out.stderr);
    let text = std::fs::read_to_string(&route).expect("readable");
    assert_eq!(text, "from:\n  amqp: { queue: a }   # in\nsteps:\n  - log: hi\n");
    assert_eq!(std::fs::read_to_string(&odd).expect("readable"), "from: !x a\nto: b\n");
    let again = trunkline().arg("fmt").arg(&route).run();
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{again:?}");
    let stdin = trunkline().args(["fmt", "-"]).input("a:   1\n").run();
    assert_eq!((stdin.code, stdin.stdout.as_str()), (0, "a: 1\n"), "{stdin:?}");
}
