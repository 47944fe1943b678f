//! The program as people and scripts use it: what goes to stdout, what to stderr, how it ends.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::trunkline;

pub(super) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/messages").join(name)
}

pub(super) fn read(name: &str) -> Vec<u8> {
    std::fs::read(example(name)).expect("is there")
}

#[test]
fn the_shipped_example_is_sound() {
    let out = trunkline().args(["check", "--deny-warnings"]).run();
    assert_eq!((out.code, out.stdout.as_str()), (0, ""), "{out:?}");
    assert!(out.stderr.starts_with("checked 5 routes, "), "{out:?}");
}

#[test]
fn the_shipped_example_is_tested_to_its_last_branch() {
    let out = trunkline().args(["test", "--coverage"]).run();
    assert_eq!(out.code, 0, "{out:?}");
    assert!(out.stdout.contains("branches       100%") && !out.stdout.contains("not reached"), "{}", out.stdout);
}

#[test]
fn misuse_ends_with_2() {
    for arguments in [&["chekc"][..], &[], &["validate"], &["check", "--format", "xml"], &["explain", "no/such"]] {
        let out = trunkline().args(arguments).run();
        assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{arguments:?}: {out:?}");
        assert!(!out.stderr.is_empty(), "{arguments:?}");
    }
    let out = trunkline().args(["explain", "chat/order-sttus"]).run();
    assert!(out.stderr.contains("hint: did you mean `chat/order-status`?"), "{out:?}");
    let out = trunkline().args(["transform", "no/such", "-"]).run();
    assert_eq!(out.code, 2, "{out:?}");
    let out = trunkline().args(["validate", "chat/lead", "no-such-file.json"]).run();
    assert_eq!(out.code, 2, "{out:?}");
    assert!(out.stderr.contains("`no-such-file.json` cannot be read"), "{out:?}");
}

#[test]
fn help_and_version_are_data() {
    for arguments in [&["--help"][..], &["help", "check"], &["check", "-h"], &["--version"], &["version"]] {
        let out = trunkline().args(arguments).run();
        assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{arguments:?}: {out:?}");
        assert!(!out.stdout.is_empty(), "{arguments:?}");
    }
    let out = trunkline().arg("version").run();
    assert_eq!(out.stdout, format!("trunkline {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let out = trunkline().args(["completions", shell]).run();
        assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{shell}");
        assert!(out.stdout.contains("trunkline") && out.stdout.contains("validate"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let shell = format!("{} completions bash | head -n 1; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_trunkline"));
    let out = Command::new("bash").args(["-c", &shell]).output().expect("bash runs");
    assert_eq!((out.status.code(), out.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn validates_json_from_files_and_stdin() {
    let out = trunkline().args(["validate", "chat/lead"]).arg(example("lead.json")).run();
    assert_eq!((out.code, out.stdout.as_str()), (0, ""), "{out:?}");
    let out = trunkline().args(["validate", "chat/lead", "-"]).input(read("lead.json")).run();
    assert_eq!((out.code, out.stderr.as_str()), (0, "<stdin>: valid\n"), "{out:?}");

    let out = trunkline().args(["validate", "chat/lead", "-"]).input("{\n  \"name\": 7\n}").run();
    assert_eq!((out.code, out.stdout.as_str()), (1, ""), "{out:?}");
    assert!(out.stderr.lines().any(|line| line.starts_with("<stdin>:2:11: /name: ")), "{out:?}");

    let out = trunkline().args(["validate", "chat/lead", "-", "--format", "json"]).input("{\"a\":1,\"a\":2}").run();
    let report: serde_json::Value = serde_json::from_str(&out.stdout).expect("is JSON");
    assert_eq!((out.code, out.stderr.as_str(), &report["valid"]), (1, "", &false.into()), "{out:?}");
    assert_eq!(report["files"][0]["violations"][0]["line"], 1, "{report}");
}

#[test]
fn checks_a_schema_alone_inside_and_outside_a_project() {
    let out = trunkline().args(["validate", "erp/order"]).run();
    assert_eq!(out.code, 0, "{out:?}");
    let folder = tempfile::tempdir().expect("makes a folder");
    let elsewhere = |arguments: &[&str]| trunkline().arg("--dir").arg(folder.path()).args(arguments);
    for path in ["schemas/erp/order-status.xsd", "schemas/erp/order.xsd#SalesOrder", "schemas/chat/lead.json"] {
        let out = elsewhere(&["validate", path]).run();
        let found = out.code == 0 || out.stderr.contains("(TL202)");
        assert!(found, "{path}: {out:?}");
    }
    let out = elsewhere(&["validate", "schemas/chat/lead.json"]).arg(example("lead.json")).run();
    assert_eq!(out.code, 0, "{out:?}");
    let out = elsewhere(&["validate", "no-such.xsd"]).run();
    assert_eq!(out.code, 2, "{out:?}");
}

#[test]
fn the_environment_overrides_settings() {
    let out = trunkline().arg("check").env("TRUNKLINE__LIMITS__DEPTH", "s3cret").run();
    assert_eq!(out.code, 2, "{out:?}");
    assert!(out.stderr.contains("TRUNKLINE__LIMITS__DEPTH") && !out.stderr.contains("s3cret"), "{out:?}");
}

#[test]
fn a_broken_project_does_not_start() {
    let out = trunkline().args(["run", "--embedded", "--dir", "tests/cases/check/61-all-at-once"]).run();
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    for place in ["routes/order.yaml:4:10", "routes/order.yaml:7:5", "transforms/order-to-erp.yaml:4:33"] {
        assert!(out.stderr.contains(place), "{place}: {out:?}");
    }
}
