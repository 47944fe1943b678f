//! One of each kind of document that is not well-formed (XML 1.0, fifth edition; Namespaces in XML 1.0), in the order
//! of the specifications. Each is refused with a rule, at the place of the offender.

use std::fmt::Write as _;

use super::super::chars::{is_char, is_name, is_name_start};
use super::{canonical, parse};

/// What is refused, by the section that forbids it.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "2.1 Well-Formed XML Documents",
        &[
            "",
            " \n ",
            "<!-- only a comment -->",
            "<?xml version='1.0'?>",
            "text",
            "<a/><b/>",
            "<a></a><a></a>",
            "<a/>text",
            "text<a/>",
            "<a/>]]>",
            "&amp;<a/>",
            "<a/>&#32;",
            "<a/>&amp;",
            "&#60;a/>",
            "<![CDATA[ ]]><a/>",
            "<a/><![CDATA[x]]>",
            "<a>",
            "<a><b></a></b>",
            "<a></b>",
            "<a></A>",
            "<a><b></a>",
            "</a>",
            "<a/></a>",
            "<a",
            "<a ",
            "<a/",
            "<a></a",
            "<a></",
            "<",
            "<a><",
        ],
    ),
    ("2.2 Characters", &["<a>\u{1}</a>", "<a\u{0}/>", "<a>\n\u{B}</a>", "<a>\u{FFFF}</a>", "<a b='\u{1F}'/>"]),
    (
        "2.3 Common Syntactic Constructs: names",
        &[
            "< a/>",
            "<1a/>",
            "<-a/>",
            "<.a/>",
            "<&a;/>",
            "<a@b/>",
            "<a$/>",
            "<\u{B7}a/>",
            "<\u{300}a/>",
            "<\u{D7}/>",
            "<a\u{37E}/>",
            "<\u{2190}/>",
            "<a></ a>",
            "<a></a/>",
            "<a 1b='x'/>",
            "<a -b='x'/>",
            "<a b!='x'/>",
            "<a 'b'='x'/>",
            "<a ='x'/>",
            "<>",
            "</>",
            "<a></>",
        ],
    ),
    (
        "2.3 Common Syntactic Constructs: attribute values",
        &[
            "<a b='<'/>",
            "<a b=\"x<y\"/>",
            "<a b=x/>",
            "<a b=/>",
            "<a b/>",
            "<a b c='x'/>",
            "<a b='x/>",
            "<a b='x\"/>",
            "<a b=\u{201C}x\u{201D}/>",
            "<a b='x' y'/>",
            "<a b='&'/>",
            "<a b='&x'/>",
            "<a b='x & y'/>",
        ],
    ),
    (
        "2.4 Character Data and Markup",
        &["<a>]]></a>", "<a>x]]>y</a>", "<a>]]]></a>", "<a>&</a>", "<a>x & y</a>", "<a>&amp</a>"],
    ),
    (
        "2.5 Comments",
        &[
            "<a><!-- -- --></a>",
            "<a><!-- ---></a>",
            "<a><!-----></a>",
            "<a><!-- </a>",
            "<a><!--></a>",
            "<a><! -- x --></a>",
            "<a><!- x -></a>",
            "<a <!-- x -->/>",
            "<!-- a",
            "<a/><!-- a --",
        ],
    ),
    (
        "2.6 Processing Instructions",
        &[
            "<a><?xml version='1.0'?></a>",
            "<a><?xml?></a>",
            "<a><?XmL x?></a>",
            "<a><??></a>",
            "<a><? p?></a>",
            "<a><?1p?></a>",
            "<a><?p</a>",
            "<a><?p x></a>",
            "<a><?p+x?></a>",
            "<a/><?p ?",
        ],
    ),
    (
        "2.7 CDATA Sections",
        &[
            "<a><![CDATA[x</a>",
            "<a><![CDATA[x]]</a>",
            "<a><![CDATA[x]] ></a>",
            "<a><![cdata[x]]></a>",
            "<a><![CDATA [x]]></a>",
            "<a><![ CDATA[x]]></a>",
            "<a><![CDATA[]]]]>]]></a>",
            "<a b='<![CDATA[x]]>'/>",
            "<a><![INCLUDE[x]]></a>",
        ],
    ),
    (
        "2.8 Prolog: the XML declaration",
        &[
            " <?xml version='1.0'?><a/>",
            "<!-- c --><?xml version='1.0'?><a/>",
            "<?xml version='1.0'?><?xml version='1.0'?><a/>",
            "<a/><?xml version='1.0'?>",
            "<?XML version='1.0'?><a/>",
            "<?xml ?><a/>",
            "<?xml encoding='UTF-8'?><a/>",
            "<?xml version='1.0'>",
            "<?xml version='1.0'><a/>",
            "<?xml version=1.0?><a/>",
            "<?xml version=''?><a/>",
            "<?xml version='1'?><a/>",
            "<?xml version='1.x'?><a/>",
            "<?xml version='2.0'?><a/>",
            "<?xml version='1.0 '?><a/>",
            "<?xml version='1.0\"?><a/>",
            "<?xml Version='1.0'?><a/>",
            "<?xml version='1.0' version='1.0'?><a/>",
            "<?xml version='1.0'encoding='UTF-8'?><a/>",
            "<?xml version='1.0' Encoding='UTF-8'?><a/>",
            "<?xml version='1.0' encoding='UTF-8'standalone='yes'?><a/>",
            "<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>",
            "<?xml version='1.0' x='y'?><a/>",
            "<?xml version='1.0' ? ><a/>",
            "<?xml version='1.0' ",
        ],
    ),
    (
        "2.8 Prolog: the document type declaration",
        &[
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
            "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
            "<?xml version='1.0'?>\n<!-- c -->\n<!DOCTYPE a><a/>",
            "<!doctype a><a/>",
            "<!DOCTYP a><a/>",
            "<a><!DOCTYPE a></a>",
            "<a/><!DOCTYPE a>",
            "<!ELEMENT a ANY><a/>",
            "<!ENTITY e 'x'><a/>",
            "<a><!ATTLIST a b CDATA #IMPLIED></a>",
        ],
    ),
    (
        "2.9 Standalone Document Declaration",
        &[
            "<?xml version='1.0' standalone='YES'?><a/>",
            "<?xml version='1.0' standalone=''?><a/>",
            "<?xml version='1.0' standalone='true'?><a/>",
            "<?xml version='1.0' standalone=yes?><a/>",
            "<?xml version='1.0' standalone='yes' standalone='yes'?><a/>",
        ],
    ),
    (
        "3.1 Start-Tags, End-Tags, and Empty-Element Tags",
        &[
            "<a b='x'c='y'/>",
            "<a b='x' b='y'/>",
            "<a b='x' c='y' b='x'/>",
            "<a></a b='x'>",
            "<a / >",
            "<a/ >",
            "<a//>",
            "<a b='x'/c='y'>",
            "<a b = x = 'y'/>",
            "<a,b='x'/>",
            "<a b='x',c='y'/>",
            "<a <b/>",
            "<a><b</a>",
        ],
    ),
    (
        "4.1 Character and Entity References",
        &[
            "<a>&#0;</a>",
            "<a>&#1;</a>",
            "<a>&#x1F;</a>",
            "<a>&#xD800;</a>",
            "<a>&#xDFFF;</a>",
            "<a>&#xFFFE;</a>",
            "<a>&#x110000;</a>",
            "<a>&#99999999999999999999;</a>",
            "<a>&#;</a>",
            "<a>&#x;</a>",
            "<a>&#-5;</a>",
            "<a>&#+5;</a>",
            "<a>&#X41;</a>",
            "<a>&#xG;</a>",
            "<a>&#5A;</a>",
            "<a>&# 65;</a>",
            "<a>&#65 ;</a>",
            "<a>&#65</a>",
            "<a>&;</a>",
            "<a>& amp;</a>",
            "<a>&amp ;</a>",
            "<a>&AMP;</a>",
            "<a>&nbsp;</a>",
            "<a>&%x;</a>",
            "<a b='&#0;'/>",
            "<a b='&x;'/>",
            "<&amp;/>",
            "<a &amp;='x'/>",
        ],
    ),
    (
        "Namespaces 3: declaring namespaces",
        &[
            "<a xmlns:p=''/>",
            "<a xmlns:='u'/>",
            "<a xmlns:1p='u'/>",
            "<a xmlns:p:q='u'/>",
            "<a xmlns:xml='u'/>",
            "<a xmlns:xml=''/>",
            "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns:xmlns='u'/>",
            "<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns='u' xmlns='u'/>",
            "<a xmlns:p='u' xmlns:p='v'/>",
        ],
    ),
    (
        "Namespaces 4: qualified names",
        &[
            "<:a/>",
            "<a:/>",
            "<a:b:c xmlns:a='u'/>",
            "<a::b xmlns:a='u'/>",
            "<a:1 xmlns:a='u'/>",
            "<:/>",
            "<a :b='x'/>",
            "<a b:='x' xmlns:b='u'/>",
            "<a xmlns:b='u' b:c:d='x'/>",
            "<a><?p:q x?></a>",
            "<a><?p: x?></a>",
        ],
    ),
    (
        "Namespaces 5: using qualified names",
        &[
            "<p:a/>",
            "<a p:b='x'/>",
            "<a><b xmlns:p='u'/><p:c/></a>",
            "<a xmlns:p='u'><b xmlns:q='v'/><b q:c='x'/></a>",
            "<xmlns:a/>",
            "<xmlns:a xmlns:a='u'/>",
        ],
    ),
    (
        "Namespaces 6.3: uniqueness of attributes",
        &[
            "<a xmlns:p='u' xmlns:q='u' p:b='x' q:b='y'/>",
            "<o xmlns:p='u'><a xmlns:q='u' p:b='x' q:b='y'/></o>",
            "<a xmlns:p='u' xmlns:q='&#117;' p:b='x' q:b='y'/>",
            "<a xmlns:p='u' p:b='x' p:b='y'/>",
        ],
    ),
];

#[test]
fn refuses_one_of_each_kind() {
    let mut report = String::new();
    for (section, documents) in REFUSED {
        writeln!(report, "\n{section}").expect("memory");
        for document in *documents {
            let refusal = match parse(document) {
                Ok(tree) => panic!("{section}: accepted {document} as {}", canonical(&tree)),
                Err(refusal) => refusal,
            };
            assert!(refusal.line.is_some() && refusal.column.is_some(), "{document}: no place");
            writeln!(report, "  {:<66} {refusal}", format!("{document:?}")).expect("memory");
        }
    }
    insta::assert_snapshot!(report);
}

/// 2.2: no character but those of production 2, wherever a character can stand.
#[test]
fn refuses_every_character_that_is_none_of_xml() {
    let contexts = [
        ("<a>", "</a>"),
        ("<a b='", "'/>"),
        ("<a><!--", "--></a>"),
        ("<a><?p ", "?></a>"),
        ("<a><![CDATA[", "]]></a>"),
    ];
    let forbidden = (0..=0xFFFF)
        .filter_map(char::from_u32)
        .filter(|character| matches!(u32::from(*character), 0..=8 | 0xB | 0xC | 0xE..=0x1F | 0xFFFE | 0xFFFF));
    let mut count = 0;
    for character in forbidden {
        assert!(!is_char(character));
        for (before, after) in contexts {
            let refusal = parse(format!("{before}{character}{after}")).expect_err("is no character of XML");
            let column = u32::try_from(before.len() + 1).expect("is short");
            assert_eq!((refusal.rule.as_str(), refusal.column), ("xml-character", Some(column)), "{character:?}");
        }
        count += 1;
    }
    assert_eq!(count, 31);
}

#[test]
fn accepts_every_character_of_xml() {
    let all: String =
        ('\u{20}'..=char::MAX).filter(|character| is_char(*character) && !"<&'\"]".contains(*character)).collect();
    let tree = parse(format!("<a b='{all}'>{all}<!--{}--></a>", all.replace('-', ""))).expect("is well-formed");
    assert_eq!(all.chars().count(), 0x11_0000 - 0x20 - 0x800 - 2 - 5);
    assert_eq!(canonical(&tree), format!("<a b=\"{all}\">{}</a>", all.replace('>', "&gt;")));
}

/// 2.3: names, on both sides of each bound of productions 4 and 4a.
#[test]
fn knows_the_bounds_of_names() {
    const START: [(u32, u32); 15] = [
        (0x41, 0x5A),
        (0x5F, 0x5F),
        (0x61, 0x7A),
        (0xC0, 0xD6),
        (0xD8, 0xF6),
        (0xF8, 0x2FF),
        (0x370, 0x37D),
        (0x37F, 0x1FFF),
        (0x200C, 0x200D),
        (0x2070, 0x218F),
        (0x2C00, 0x2FEF),
        (0x3001, 0xD7FF),
        (0xF900, 0xFDCF),
        (0xFDF0, 0xFFFD),
        (0x1_0000, 0xE_FFFF),
    ];
    const MORE: [(u32, u32); 6] =
        [(0x2D, 0x2D), (0x2E, 0x2E), (0x30, 0x39), (0xB7, 0xB7), (0x300, 0x36F), (0x203F, 0x2040)];
    let within = |ranges: &[(u32, u32)], code: u32| ranges.iter().any(|(first, last)| (*first..=*last).contains(&code));
    for (first, last) in START.iter().chain(&MORE) {
        for code in [first - 1, *first, *last, last + 1] {
            let Some(character) = char::from_u32(code) else { continue };
            let starts = within(&START, code);
            assert_eq!(is_name_start(character), starts, "U+{code:04X}");
            assert_eq!(is_name(character), starts || within(&MORE, code), "U+{code:04X}");
            assert_eq!(parse(format!("<{character}/>")).is_ok(), starts, "U+{code:04X}");
        }
    }
}

/// 4.3.3 and appendix F: the byte order mark, the declaration and the bytes agree.
#[test]
fn decodes_by_mark_and_declaration() {
    let utf16 = |text: &str, big: bool| {
        let units = text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        (if big { vec![0xFE, 0xFF] } else { vec![0xFF, 0xFE] }).into_iter().chain(units).collect::<Vec<u8>>()
    };
    let text_of = |bytes: &[u8]| parse(bytes).map(|tree| canonical(&tree)).map_err(|refusal| refusal.to_string());
    for big in [true, false] {
        assert_eq!(text_of(&utf16("<a>ü😀</a>", big)).as_deref(), Ok("<a>ü😀</a>"));
        assert_eq!(text_of(&utf16("<?xml version='1.0' encoding='utf-16'?><a/>", big)).as_deref(), Ok("<a></a>"));
    }
    for accepted in [
        "<?xml version='1.0' encoding='ISO-8859-1'?><a>\u{FC}</a>",
        "<?xml version='1.0' encoding='iso-8859-1' standalone=\"no\" ?><a>\u{FC}</a>",
    ] {
        let latin: Vec<u8> = accepted.chars().map(|character| u8::try_from(character).expect("is Latin-1")).collect();
        assert_eq!(text_of(&latin).as_deref(), Ok("<a>ü</a>"));
    }
    // Only a declaration declares: an instruction whose target begins with the same letters does not.
    let instruction = "<?xml-stylesheet href='s' encoding='ISO-8859-1'?><a>ü</a>";
    assert_eq!(text_of(instruction.as_bytes()).as_deref(), Ok("<a>ü</a>"));

    let half = &utf16("<a>😀</a>", true)[..10];
    let lone = [&utf16("<a>\n", false)[..], &[0x00, 0xDC]].concat();
    let refused: &[(&str, &[u8])] = &[
        ("bytes that are not UTF-8", b"<a>\xFC</a>"),
        ("an overlong form", b"<a>\xC0\xAF</a>"),
        ("an encoded surrogate", b"<a>\xED\xA0\x80</a>"),
        ("beyond U+10FFFF", b"<a>\xF4\x90\x80\x80</a>"),
        ("a character cut off", b"<a>\xE2\x82"),
        ("behind a mark", b"\xEF\xBB\xBF<a>\xFC</a>"),
        ("half a pair of UTF-16", half),
        ("a lone half of UTF-16", &lone),
        ("an odd byte of UTF-16", b"\xFE\xFF\0<\0a\0/\0>\0"),
        ("UTF-16 without a mark", b"\0<\0a\0/\0>"),
        ("no character of US-ASCII", b"<?xml version='1.0' encoding='US-ASCII'?><a>\xFC</a>"),
        ("UTF-16 declared, UTF-8 written", b"<?xml version='1.0' encoding='UTF-16'?><a/>"),
        ("UTF-8 declared, UTF-16 written", &utf16("<?xml version='1.0' encoding='UTF-8'?><a/>", true)),
        ("Latin-1 declared, marked as UTF-8", b"\xEF\xBB\xBF<?xml version='1.0' encoding='ISO-8859-1'?><a/>"),
        ("an encoding that is not accepted", b"<?xml version='1.0' encoding='UTF-7'?><a/>"),
        ("another one", b"<?xml version='1.0' encoding='windows-1252'?><a/>"),
        ("no name", b"<?xml version='1.0' encoding=''?><a/>"),
        ("a name with a blank", b"<?xml version='1.0' encoding='UTF 8'?><a/>"),
        ("a name that begins with a digit", b"<?xml version='1.0' encoding='8859-1'?><a/>"),
        ("a mark in the middle of UTF-32", b"\xFF\xFE\0\0<\0\0\0"),
        ("a mark twice", b"\xEF\xBB\xBF\xEF\xBB\xBF<a/>"),
    ];
    let report: String =
        refused.iter().map(|(what, bytes)| format!("{what}: {}\n", text_of(bytes).expect_err(what))).collect();
    insta::assert_snapshot!(report);
}
