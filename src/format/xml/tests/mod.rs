mod ill_formed;

use proptest::prelude::*;

use super::*;
use crate::message::{Limits, Violation};

fn parse(text: impl AsRef<[u8]>) -> Result<Tree, Violation> {
    read(text.as_ref(), &Limits::default())
}

#[test]
fn accepts_what_is_well_formed() {
    let cases = [
        "<a/>",
        "\u{FEFF}<a/>",
        "<?xml version=\"1.0\"?>\n<!-- c --><?pi x?>\n<a/>\n<!-- d --><?pi?>\n",
        "<?xml version='1.0' encoding='utf-8' standalone='no' ?><a/>",
        "<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
        "<?xmlish x?><a/>",
        "<a xmlns='u' xmlns:p='u' b='1' p:b='2'/>",
        "<a xmlns='u'><b xmlns=''/></a>",
        "<a xml:lang='de' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<a b = 'x'\n\tc=\"'\" />",
        "<a>&lt;&#x20AC;&#8364;]] ></a >",
        "<a><![CDATA[<>&]]]]><![CDATA[>]]></a>",
        "<größe·x\u{300}/>",
        "<a><!----></a>",
    ];
    for text in cases {
        if let Err(violation) = parse(text) {
            panic!("refused: {text}: {violation}");
        }
    }
}

#[test]
fn normalizes_lines_and_attribute_values() {
    let tree = parse("<a b='1\t2\r\n3&#10;4'>x\r\ny\rz&#13;</a>").expect("is well-formed");
    assert_eq!(canonical(&tree), "<a b=\"1 2 3&#xA;4\">x\ny\nz&#xD;</a>");
    let bytes = write(&tree, &Limits::default()).expect("is small");
    assert_eq!(canonical(&parse(bytes).expect("is well-formed")), canonical(&tree));
}

#[test]
fn keeps_the_bounds() {
    let limits = Limits { depth: 3, nodes: 10, body_bytes: 200, output_bytes: 60, ..Limits::default() };
    let rule = |text: &str| read(text.as_bytes(), &limits).expect_err("is too large").rule;
    assert_eq!(rule("<a><a><a><a/></a></a></a>"), "limit-depth");
    assert_eq!(rule(&format!("<a>{}</a>", "<b/>".repeat(20))), "limit-nodes");
    assert_eq!(rule(&format!("<a>{}</a>", "x".repeat(300))), "limit-body");
    let tree = read(b"<a>12345678901234567890123456789</a>", &limits).expect("fits");
    assert_eq!(write(&tree, &limits).expect_err("does not fit").rule, "limit-output");
    let attributes: String = (0..2000).map(|number| format!(" a{number}='x'")).collect();
    assert!(parse(format!("<a{attributes}/>")).is_ok());
    assert!(parse(format!("<a{attributes} a7='x'/>")).is_err());
}

/// What an attacker repeats costs no more than its length.
#[test]
fn repetition_stays_linear() {
    let declared: String = (0..100_000).map(|number| format!(" xmlns:p{number}='u'")).collect();
    let used: String = (0..100_000).map(|number| format!("<p{number}:b p{number}:c=''/>")).collect();
    let tree = parse(format!("<a{declared}>{used}</a>")).expect("is well-formed");
    let prefixed: String = (0..100_000).map(|number| format!(" p{number}:c=''")).collect();
    let declared = declared.replace("'u'", "'u:x'").replacen(":x", "", 1);
    assert!(parse(format!("<a{declared}{prefixed}/>")).is_err(), "one expanded name in many ways");
    assert!(canonical(&tree).len() > 100_000);
    let pieces = "x<!---->&amp;<![CDATA[y]]>".repeat(100_000);
    let tree = parse(format!("<a>{pieces}</a>")).expect("is well-formed");
    assert_eq!(tree.nodes().len(), 3);
}

#[test]
fn brings_bindings_back_when_an_element_ends() {
    for siblings in [0, 40] {
        let more: String = (0..siblings).map(|number| format!(" xmlns:m{number}='m'")).collect();
        let text = format!("<p:a xmlns:p='1'{more}><p:a xmlns:p='2' xmlns='3'><p:b/><c/></p:a><p:d/><e/></p:a>");
        let tree = parse(text).expect("is well-formed");
        let names: Vec<String> = tree.names().map(|name| format!("{}:{}", name.namespace, name.local)).collect();
        assert_eq!(names, ["1:a", "2:a", "2:b", "3:c", "1:d", ":e"]);
    }
}

#[test]
fn names_the_place() {
    let violation = parse("<o:a xmlns:o='u'>\n <o:b/>\n <o:b>\n  <c>&nope;</c></o:b></o:a>").expect_err("is wrong");
    assert_eq!(
        violation.to_string(),
        "4:6: /o:a[1]/o:b[2]/c[1]: the entity `nope` is not defined; XML has amp, lt, gt, quot, apos and `&#…;` [xml-reference]"
    );
    let tree = parse("<a><b/><b>x</b></a>").expect("is well-formed");
    assert_eq!(path(&tree, 3), "/a[1]/b[2]");
}

#[test]
fn gives_one_form_for_all_ways_to_write() {
    let a = parse("<p:a xmlns:p='u' xmlns:unused='v' z='1' p:y=\"2\" b='3'><c/></p:a>").expect("is well-formed");
    let b = parse("<p:a b='3' xmlns:p='u' p:y='2' z='1'><c></c><!-- --></p:a >").expect("is well-formed");
    assert_eq!(canonical(&a), "<p:a xmlns:p=\"u\" b=\"3\" z=\"1\" p:y=\"2\"><c></c></p:a>");
    assert_eq!(canonical(&a), canonical(&b));
    let nested = parse("<a xmlns='u'><b xmlns=''><c xmlns='u'/></b></a>").expect("is well-formed");
    assert_eq!(canonical(&nested), "<a xmlns=\"u\"><b xmlns=\"\"><c xmlns=\"u\"></c></b></a>");
}

#[test]
fn indents_for_people() {
    let tree = parse("<a><b>x</b><c><d/></c></a>").expect("is well-formed");
    insta::assert_snapshot!(pretty(&tree), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <a>
      <b>x</b>
      <c>
        <d/>
      </c>
    </a>
    "#);
}

/// Pieces of XML, put together at random: mostly ill-formed, often nearly well-formed.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<a>"),
        Just("</a>"),
        Just("<a/>"),
        Just("<p:a xmlns:p='u'>"),
        Just("</p:a>"),
        Just("<!--"),
        Just("-->"),
        Just("<![CDATA["),
        Just("]]>"),
        Just("<?pi "),
        Just("?>"),
        Just("&amp;"),
        Just("&#x41;"),
        Just("&"),
        Just("x"),
        Just(" "),
        Just("\r\n"),
        Just("<a b='"),
        Just("'>"),
        Just("\""),
        Just("<"),
        Just(">"),
        Just("ü"),
        Just("\u{FFFD}"),
        Just("<?xml version='1.0'?>"),
        Just("<!DOCTYPE a>"),
        Just(":"),
        Just("xmlns='u'"),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_give_a_tree_or_a_refusal(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(bytes);
    }

    #[test]
    fn what_is_read_can_be_written_and_read_again(text in pieces()) {
        if let Ok(tree) = parse(&text) {
            let bytes = write(&tree, &Limits::default()).expect("is small");
            let again = parse(&bytes).expect("what is written is well-formed");
            prop_assert_eq!(canonical(&again), canonical(&tree));
            prop_assert_eq!(canonical(&parse(canonical(&tree)).expect("is well-formed")), canonical(&tree));
        }
    }
}
