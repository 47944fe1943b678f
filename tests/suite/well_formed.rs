//! Another judge of what is well-formed: the strict reader accepts and refuses what `xmllint` does.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use fastrand::Rng;
use trunkline::format::xml;
use trunkline::message::Limits;

use crate::fuzz::{files, mutations};

/// What libxml2 complains of although the document is namespace-well-formed (Namespaces in XML 1.0).
const NO_ERROR: [&str; 2] = [
    // A namespace name that is no absolute URI is deprecated, not an error.
    "is not absolute",
    "is not a valid URI",
];

/// What is refused although libxml2 accepts it.
const STRICTER: [&str; 1] = [
    // A bus neither needs document types nor can bear what they can do.
    "a document type declaration is refused",
];

/// One document for each production.
const SEEDS: [&str; 16] = [
    "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n<a/>",
    "<?xml version=\"1.0\"?><!-- c --><?p i?><a></a><!-- d --><?p?>\n",
    "<a:b xmlns:a='urn:u' a:c='1&#10;2'><![CDATA[x]]>&lt;<?p i?></a:b>",
    "<a xmlns='urn:u'><b xmlns=''/><c xml:lang=\"de\">\u{e9}]]&gt;</c></a>",
    "<p:a xmlns:p='urn:1' xmlns:q='urn:1' p:x='1' q:y='2'><p:b/></p:a>",
    "<a b='x' c=\"y\"/>",
    "<a b = '&quot;&amp;&apos;' ></a >",
    "<a>x<b/>y<c>z</c></a>",
    "<a>&lt;&gt;&#65;&#x41;</a>",
    "<a><!----><!-- - --></a>",
    "<a><?p?><?q r?></a>",
    "<a><![CDATA[]]><![CDATA[<&]]]]></a>",
    "<\u{e9}\u{b7}-1.x _y='z'/>",
    "<a>\r\n\t]] &#xD;></a>",
    "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:space='preserve'/>",
    "<a xmlns:p='urn:p'><p:b xmlns:p='urn:q' p:c='d'/><p:e/></a>",
];

/// What is put into them.
const PIECES: [&str; 48] = [
    "<",
    ">",
    "/",
    "&",
    ";",
    "#",
    "'",
    "\"",
    "=",
    ":",
    "-",
    "--",
    "!",
    "?",
    "]",
    "]]>",
    "[",
    " ",
    "\t",
    "\r",
    "1",
    "a",
    ".",
    "\u{b7}",
    "\u{e9}",
    "\u{d7}",
    "\u{1}",
    "\u{fffe}",
    "\u{10000}",
    "p:",
    "xml",
    "xmlns",
    "xmlns:p='urn:x'",
    "xml:",
    "<b>",
    "</b>",
    "<b/>",
    "<!--",
    "-->",
    "<?",
    "?>",
    "<![CDATA[",
    "&#",
    "&#x",
    "&amp;",
    " b='x'",
    "<!DOCTYPE a>",
    "<?xml?>",
];

/// A piece put in, in the place of up to two characters.
fn changed(seed: &str, rng: &mut Rng) -> Vec<u8> {
    let characters: Vec<char> = seed.chars().collect();
    let at = rng.usize(0..=characters.len());
    let piece = PIECES[rng.usize(0..PIECES.len())];
    let behind = characters.len().min(at + rng.usize(0..3));
    let text: String =
        characters[..at].iter().copied().chain(piece.chars()).chain(characters[behind..].iter().copied()).collect();
    text.into_bytes()
}

#[test]
fn xmllint_agrees_on_what_is_well_formed() {
    if Command::new("xmllint").arg("--version").stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: xmllint is not installed (Debian package `libxml2-utils`)");
        return;
    }
    let mut rng = Rng::with_seed(11);
    let mut documents = mutations(&files("examples/messages", "xml"), 200);
    documents.extend(SEEDS.iter().flat_map(|seed| [seed; 600]).map(|seed| changed(seed, &mut rng)));
    documents.extend(SEEDS.map(|seed| seed.as_bytes().to_vec()));
    let folder = tempfile::tempdir().expect("a folder");
    let path = |at: usize| folder.path().join(format!("{at}.xml"));
    for (at, document) in documents.iter().enumerate() {
        std::fs::write(path(at), document).expect("written");
    }
    let all: Vec<_> = (0..documents.len()).map(path).collect();
    let said = Command::new("xmllint").args(["--noout", "--nonet"]).args(&all).output().expect("xmllint runs");
    let refused = refused(&String::from_utf8_lossy(&said.stderr), folder.path());
    let mut wrong = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let text = String::from_utf8_lossy(document);
        match xml::read(document, &Limits::default()) {
            Ok(_) if refused.contains(&at) => wrong.push(format!("accepted, refused by xmllint: {text:?}")),
            Err(refusal) if !refused.contains(&at) && !STRICTER.iter().any(|one| refusal.message.contains(one)) => {
                wrong.push(format!("refused, accepted by xmllint: {refusal}: {text:?}"));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), documents.len(), wrong.join("\n"));
    let accepted = documents.len() - refused.len();
    assert!(accepted > 1000 && refused.len() > 1000, "{accepted} accepted, {} refused", refused.len());
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
