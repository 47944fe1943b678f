//! `trunkline contract docs`: pages for people.

use super::root;
use crate::program::trunkline;

#[test]
fn pages_for_people() {
    for (name, contract) in
        [("page_json", "chat/order-status-reply"), ("page_xml", "erp/order-status#OrderStatusRequest")]
    {
        let out = trunkline().args(["contract", "docs", contract]).run();
        assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
        insta::assert_snapshot!(name, out.stdout);
    }
}

#[test]
fn a_page_for_each_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = || trunkline().args(["contract", "docs", "--out"]).arg(folder.path()).run();
    let out = write();
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    let pages: Vec<&str> = out.stdout.lines().collect();
    assert!(pages.len() > 15, "{pages:?}");
    for page in &pages {
        let text = std::fs::read_to_string(page).expect("written");
        assert!(text.starts_with("# ") && text.contains("\n## Example\n"), "{page}: {text}");
    }
    // Its own pages it writes again, those of others it does not touch.
    assert_eq!(write().stdout, out.stdout);
    std::fs::write(folder.path().join("chat/lead.md"), "my notes\n").expect("written");
    let refused = write();
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("chat/lead.md")).expect("is there"), "my notes\n");
}

#[test]
fn a_page_of_a_file_anywhere_and_of_nothing() {
    let path = root().join("schemas/crm/lead.json");
    let out = trunkline().args(["contract", "docs"]).arg(path).run();
    assert_eq!(out.code, 0, "{out:?}");
    let out = trunkline().args(["contract", "docs"]).run();
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
}
