use proptest::prelude::*;

use super::*;
use crate::message::{Limits, Violation};

fn parse(text: impl AsRef<[u8]>) -> Result<Tree, Violation> {
    read(text.as_ref(), &Limits::default())
}

/// One of each kind of ill-formed document.
#[test]
fn refuses_what_is_not_well_formed() {
    let cases: &[(&str, &str)] = &[
        // characters
        ("<a>\u{1}</a>", "xml-character"),
        ("<a b='\u{FFFE}'/>", "xml-character"),
        ("<a><!-- \u{0} --></a>", "xml-character"),
        // names
        ("<1a/>", "xml-well-formed"),
        ("<a:b:c xmlns:a='u'/>", "xml-well-formed"),
        ("<:a/>", "xml-well-formed"),
        ("<a:/>", "xml-well-formed"),
        ("<a 1b='x'/>", "xml-well-formed"),
        ("< a/>", "xml-well-formed"),
        // processing instructions
        ("<a><?xml version='1.0'?></a>", "xml-well-formed"),
        ("<a><?XmL x?></a>", "xml-well-formed"),
        ("<a><??></a>", "xml-well-formed"),
        ("<a><?p:q x?></a>", "xml-well-formed"),
        ("<a><?p</a>", "xml-well-formed"),
        ("<a><?p+x?></a>", "xml-well-formed"),
        // the XML declaration
        (" <?xml version='1.0'?><a/>", "xml-well-formed"),
        ("<?xml version='1.0'?><?xml version='1.0'?><a/>", "xml-well-formed"),
        ("<?xml encoding='UTF-8'?><a/>", "xml-well-formed"),
        ("<?xml version='2.0'?><a/>", "xml-well-formed"),
        ("<?xml version='1.0' standalone='YES'?><a/>", "xml-well-formed"),
        ("<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>", "xml-well-formed"),
        ("<?xml version='1.0'encoding='UTF-8'?><a/>", "xml-well-formed"),
        ("<?xml version='1.0' encoding=''?><a/>", "xml-encoding"),
        ("<?xml version='1.0' encoding='UTF-7'?><a/>", "xml-encoding"),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>", "xml-encoding"),
        ("<?XML version='1.0'?><a/>", "xml-well-formed"),
        // structure
        ("", "xml-well-formed"),
        ("  ", "xml-well-formed"),
        ("text", "xml-well-formed"),
        ("<a/><b/>", "xml-well-formed"),
        ("<a/>text", "xml-well-formed"),
        ("&amp;<a/>", "xml-well-formed"),
        ("<a/>&#32;", "xml-well-formed"),
        ("<a/><![CDATA[x]]>", "xml-well-formed"),
        ("<a>", "xml-well-formed"),
        ("<a><b></a></b>", "xml-well-formed"),
        ("</a>", "xml-well-formed"),
        ("<a", "xml-well-formed"),
        ("<a/", "xml-well-formed"),
        ("<a></a b='x'>", "xml-well-formed"),
        // text
        ("<a>]]></a>", "xml-well-formed"),
        ("<a>&</a>", "xml-reference"),
        ("<a>&nbsp;</a>", "xml-reference"),
        ("<a>&#0;</a>", "xml-reference"),
        ("<a>&#xD800;</a>", "xml-reference"),
        ("<a>&#x110000;</a>", "xml-reference"),
        ("<a>&#+5;</a>", "xml-reference"),
        ("<a>&#X41;</a>", "xml-reference"),
        ("<a><![CDATA[x</a>", "xml-well-formed"),
        ("<a><![cdata[x]]></a>", "xml-well-formed"),
        // attributes
        ("<a b='<'/>", "xml-well-formed"),
        ("<a b='x'c='y'/>", "xml-well-formed"),
        ("<a b=x/>", "xml-well-formed"),
        ("<a b/>", "xml-well-formed"),
        ("<a b='x/>", "xml-well-formed"),
        ("<a b='x' b='y'/>", "xml-well-formed"),
        ("<a xmlns:p='u' xmlns:q='u' p:b='x' q:b='y'/>", "xml-well-formed"),
        ("<a xmlns='u' xmlns='u'/>", "xml-well-formed"),
        ("<a b='&x;'/>", "xml-reference"),
        // namespaces
        ("<p:a/>", "xml-namespace"),
        ("<a p:b='x'/>", "xml-namespace"),
        ("<a xmlns:p=''/>", "xml-namespace"),
        ("<a xmlns:xml='u'/>", "xml-namespace"),
        ("<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", "xml-namespace"),
        ("<a xmlns:xmlns='u'/>", "xml-namespace"),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", "xml-namespace"),
        ("<xmlns:a/>", "xml-namespace"),
        ("<a><b xmlns:p='u'/><p:c/></a>", "xml-namespace"),
        // comments and document types
        ("<a><!-- -- --></a>", "xml-well-formed"),
        ("<a><!-- ---></a>", "xml-well-formed"),
        ("<a><!-- </a>", "xml-well-formed"),
        ("<!DOCTYPE a><a/>", "xml-doctype"),
        ("<!doctype a><a/>", "xml-well-formed"),
        ("<!ELEMENT a ANY><a/>", "xml-well-formed"),
    ];
    for (text, rule) in cases {
        match parse(text) {
            Ok(_) => panic!("accepted: {text}"),
            Err(violation) => {
                assert_eq!(violation.rule, *rule, "{text}: {violation}");
                assert!(violation.line.is_some() && violation.column.is_some(), "{text}: no place");
            }
        }
    }
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
fn decodes_by_mark_and_declaration() {
    let utf16 = |text: &str, big: bool| {
        let units = text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        (if big { vec![0xFE, 0xFF] } else { vec![0xFF, 0xFE] }).into_iter().chain(units).collect::<Vec<u8>>()
    };
    let text_of = |tree: Tree| canonical(&tree);
    for big in [true, false] {
        assert_eq!(parse(utf16("<a>ü</a>", big)).map(text_of).expect("decodes"), "<a>ü</a>");
        assert!(parse(utf16("<?xml version='1.0' encoding='UTF-16'?><a/>", big)).is_ok());
        assert_eq!(
            parse(utf16("<?xml version='1.0' encoding='UTF-8'?><a/>", big)).expect_err("lies").rule,
            "xml-encoding"
        );
    }
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xFC</a>";
    assert_eq!(parse(latin).map(text_of).expect("decodes"), "<a>ü</a>");
    let ascii = b"<?xml version='1.0' encoding='US-ASCII'?><a>\xFC</a>";
    assert_eq!(parse(ascii).expect_err("no ASCII").rule, "xml-encoding");
    assert_eq!(parse(b"<a>\xFC</a>").expect_err("no UTF-8").rule, "xml-encoding");
    assert_eq!(
        parse(b"\xEF\xBB\xBF<?xml version='1.0' encoding='ISO-8859-1'?><a/>").expect_err("lies").rule,
        "xml-encoding"
    );
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

#[test]
fn names_the_place() {
    let violation = parse("<o:a xmlns:o='u'>\n <o:b/>\n <o:b>\n  <c>&nope;</c></o:b></o:a>").expect_err("is wrong");
    assert_eq!(violation.to_string(), "4:6: /o:a[1]/o:b[2]/c[1]: the entity `nope` is not defined [xml-reference]");
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
