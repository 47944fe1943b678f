//! `trunkline new`: what it writes passes `check` and `test` as it is, and nothing is overwritten.

use std::path::Path;

use super::root;
use crate::program::{Output, trunkline};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    trunkline().arg("--dir").arg(folder).args(arguments).run()
}

#[test]
fn a_project_from_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let made: [&[&str]; 5] = [
        &["new", "contract", "web/form"],
        &["new", "contract", "crm/new-lead", "--xsd"],
        &["new", "transform", "web/to-crm", "--from", "web/form", "--to", "crm/new-lead"],
        &["new", "route", "web/form", "--accepts", "web/form"],
        &["new", "route", "web/raw", "--queue", "on"],
    ];
    for arguments in made {
        let out = run(folder.path(), arguments);
        assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{arguments:?}: {out:?}");
        assert!(out.stdout.lines().all(|path| Path::new(path).exists()), "{out:?}");
    }
    let check = run(folder.path(), &["check"]);
    assert_eq!(check.code, 0, "{check:?}");
    let test = run(folder.path(), &["test"]);
    assert_eq!(test.code, 0, "{test:?}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("written");
    insta::assert_snapshot!("transform", read("transforms/web/to-crm.yaml"));
    insta::assert_snapshot!("route", read("routes/web/form.yaml") + "---\n" + &read("routes/web/form.test.yaml"));
    let before = read("schemas/crm/new-lead.xsd");
    for arguments in made {
        let again = run(folder.path(), arguments);
        assert_eq!((again.code, again.stdout.as_str()), (2, ""), "{arguments:?}: {again:?}");
        assert!(again.stderr.contains("is there already"), "{again:?}");
    }
    let other = run(folder.path(), &["new", "contract", "crm/new-lead"]);
    assert_eq!((other.code, read("schemas/crm/new-lead.xsd")), (2, before), "{other:?}");
}

/// A mapping to each kind of document of the shipped contracts.
#[test]
fn transforms_between_the_shipped_contracts() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = std::process::Command::new("cp").arg("-r").arg(root().join("schemas")).arg(folder.path()).status();
    assert!(copy.expect("cp runs").success());
    let targets = [
        "chat/lead",
        "chat/order-status-reply",
        "shop/order-event",
        "crm/lead",
        "erp/order#Order",
        "erp/inventory#InventoryReport",
    ];
    for (number, to) in targets.iter().enumerate() {
        let name = format!("t{number}");
        let out = run(folder.path(), &["new", "transform", &name, "--from", "erp/shipment#ShipmentNotice", "--to", to]);
        assert_eq!(out.code, 0, "{to}: {out:?}");
    }
    for to in ["chat/lead", "erp/order#Order"] {
        let name = format!("in/{}", to.replace(['/', '#'], "-"));
        let out = run(folder.path(), &["new", "route", &name, "--accepts", to]);
        assert_eq!(out.code, 0, "{to}: {out:?}");
    }
    let check = run(folder.path(), &["check"]);
    assert_eq!(check.code, 0, "{check:?}");
    let test = run(folder.path(), &["test"]);
    assert_eq!(test.code, 0, "{test:?}");
}

#[test]
fn what_is_no_name_or_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["", "../out", "/etc/passwd", "a//b", "a b", ".hidden", "a.test"] {
        let out = run(folder.path(), &["new", "contract", name]);
        assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{name}: {out:?}");
    }
    let out = run(folder.path(), &["new", "route", "a", "--accepts", "no/such"]);
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    assert!(out.stderr.contains("TL201"), "{out:?}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
