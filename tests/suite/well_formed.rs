//! Another judge of what is well-formed: whatever `xmllint` refuses, the strict reader refuses too.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use trunkline::format::xml;
use trunkline::message::Limits;

use crate::fuzz::{files, mutations};

/// What libxml2 complains of although the document is namespace-well-formed (Namespaces in XML 1.0).
const NO_ERROR: [&str; 2] = [
    // A namespace name that is no absolute URI is deprecated, not an error.
    "is not absolute",
    "is not a valid URI",
];

#[test]
fn what_xmllint_refuses_is_refused() {
    if Command::new("xmllint").arg("--version").stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: xmllint is not installed (Debian package `libxml2-utils`)");
        return;
    }
    let mut seeds = files("examples/messages", "xml");
    seeds.extend(
        [
            "<?xml version='1.0' encoding='UTF-8'?><!-- c --><a:b xmlns:a='urn:u' a:c='1&#10;2'><![CDATA[x]]>&lt;<?p i?></a:b>",
            "<a xmlns='urn:u'><b xmlns=''/><c xml:lang=\"de\">\u{e9}]]&gt;</c></a><!-- end -->",
            "<p:a xmlns:p='urn:1' xmlns:q='urn:1' p:x='1' q:y='2'><p:b/></p:a>",
        ]
        .map(|text| text.as_bytes().to_vec()),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let documents = mutations(&seeds, 400);
    let path = |at: usize| folder.path().join(format!("{at}.xml"));
    for (at, document) in documents.iter().enumerate() {
        std::fs::write(path(at), document).expect("written");
    }
    let all: Vec<_> = (0..documents.len()).map(path).collect();
    let said = Command::new("xmllint").args(["--noout", "--nonet"]).args(&all).output().expect("xmllint runs");
    let refused = refused(&String::from_utf8_lossy(&said.stderr), folder.path());
    let mut agreed = 0;
    for (at, document) in documents.iter().enumerate().filter(|(at, _)| refused.contains(at)) {
        let text = String::from_utf8_lossy(document);
        assert!(xml::read(document, &Limits::default()).is_err(), "{at}: xmllint refuses {text}");
        agreed += 1;
    }
    assert!(agreed > documents.len() / 4, "{agreed} of {}", documents.len());
}

/// The numbers of the files in which errors were found.
fn refused(complaints: &str, folder: &Path) -> BTreeSet<usize> {
    let folder = format!("{}/", folder.display());
    complaints
        .lines()
        .filter(|line| line.contains(" error : ") && !NO_ERROR.iter().any(|one| line.contains(one)))
        .filter_map(|line| line.strip_prefix(&folder)?.split('.').next()?.parse().ok())
        .collect()
}
