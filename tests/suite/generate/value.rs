//! Values of simple types.

use std::rc::Rc;

use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::element::{Forms, Name, Value};
use super::model::{Generator, XS};
use super::schema::Node;

/// A type with the facets of all its derivations, the nearest first.
struct Atomic {
    builtin: String,
    facets: Vec<(String, String)>,
}

impl Generator<'_> {
    /// A value of a named simple type.
    pub(super) fn value_of(&mut self, name: &Name) -> Value {
        if name.namespace == XS {
            return self.atomic(&Atomic { builtin: name.local.clone(), facets: Vec::new() });
        }
        let node = Rc::clone(self.schemas.get("simpleType", name));
        self.value(&node)
    }

    /// A value of an `xs:simpleType`, or of the `xs:restriction` of a simple content.
    pub(super) fn value(&mut self, node: &Node) -> Value {
        let (found, facets) = self.variety(node, Vec::new());
        match found.kind.as_str() {
            "list" => self.list(&found, &facets),
            "union" => self.union(&found),
            _ => self.atomic(&Atomic { builtin: found.name_in("base").expect("a built-in").local, facets }),
        }
    }

    /// Follows restrictions down to a list, a union, or the restriction of a built-in type.
    fn variety(&self, node: &Node, mut facets: Vec<(String, String)>) -> (Rc<Node>, Vec<(String, String)>) {
        let derivation = |kind: &str| node.first(kind).cloned();
        if let Some(found) = derivation("list").or_else(|| derivation("union")) {
            return (found, facets);
        }
        let restriction = derivation("restriction").expect("a simple type is derived");
        for facet in &restriction.children {
            if let Some(value) = facet.attribute("value") {
                facets.push((facet.kind.clone(), value.to_owned()));
            }
        }
        match restriction.name_in("base") {
            Some(base) if base.namespace == XS => (restriction, facets),
            Some(base) => self.variety(self.schemas.get("simpleType", &base), facets),
            None => self.variety(restriction.first("simpleType").expect("has a base"), facets),
        }
    }

    fn list(&mut self, list: &Node, facets: &[(String, String)]) -> Value {
        let bound = |kind: &str| facets.iter().find(|(known, _)| known == kind).and_then(|(_, n)| n.parse().ok());
        let exact = bound("length");
        let min: usize = exact.or(bound("minLength")).unwrap_or(0);
        let max = exact.or(bound("maxLength")).unwrap_or(min + 3);
        let count = self.rng.usize(min..=max);
        let mut items = Vec::new();
        while items.len() < count {
            let item = match list.name_in("itemType") {
                Some(name) => self.value_of(&name),
                None => self.value(list.first("simpleType").expect("has items")),
            };
            match item {
                Value::Text { text, .. } if !text.is_empty() && !text.contains(' ') => items.push(text),
                _ => {}
            }
        }
        Value::Text { text: items.join(" "), collapses: true, forms: Forms::One }
    }

    fn union(&mut self, union: &Node) -> Value {
        let named = union.attribute("memberTypes").unwrap_or_default();
        let named: Vec<Name> = named.split_whitespace().map(|name| union.resolve(name)).collect();
        let local: Vec<Rc<Node>> = union.all("simpleType").cloned().collect();
        let at = self.rng.usize(0..named.len() + local.len());
        let value = match named.get(at) {
            Some(name) => self.value_of(name),
            None => self.value(&local[at - named.len()]),
        };
        // The text of a union stays as it stands: what its members ignore is not ignored.
        match value {
            Value::Text { text, .. } => Value::Text { text, collapses: false, forms: Forms::One },
            name => name,
        }
    }

    fn atomic(&mut self, of: &Atomic) -> Value {
        let all =
            |kind: &'static str| of.facets.iter().filter(move |(known, _)| known == kind).map(|(_, text)| text.clone());
        let decimal = is_decimal(&of.builtin);
        let collapses = !matches!(of.builtin.as_str(), "string" | "normalizedString" | "anySimpleType" | "anyURI");
        let done = |text: String, forms| Value::Text { text, collapses, forms };
        let choices: Vec<String> = all("enumeration").collect();
        if !choices.is_empty() {
            return done(choices[self.rng.usize(0..choices.len())].clone(), Forms::One);
        }
        if let Some(pattern) = all("pattern").next() {
            let text = self.matching(&pattern);
            return done(text, Forms::One);
        }
        if decimal {
            return done(self.decimal(of), Forms::Decimal);
        }
        if of.builtin == "boolean" {
            return done(self.rng.bool().to_string(), Forms::Boolean);
        }
        let text = match of.builtin.as_str() {
            "float" | "double" => self.double(),
            "date" => self.date(),
            "dateTime" => {
                let zone = ["", "Z", "+01:00", "-05:30"][self.rng.usize(0..4)];
                let fraction = ["", ".5", ".123"][self.rng.usize(0..3)];
                let (h, m, s) = (self.rng.u8(0..24), self.rng.u8(0..60), self.rng.u8(0..60));
                format!("{}T{h:02}:{m:02}:{s:02}{fraction}{zone}", self.date())
            }
            "time" => format!("{:02}:{:02}:{:02}", self.rng.u8(0..24), self.rng.u8(0..60), self.rng.u8(0..60)),
            "duration" => format!("P{}DT{}H", self.rng.u8(0..40), self.rng.u8(0..24)),
            "gYear" => format!("{}", self.rng.u16(1900..2100)),
            "language" => ["en", "de-DE", "x-klingon"][self.rng.usize(0..3)].to_owned(),
            "NMTOKEN" | "NCName" | "Name" => format!("n{}", self.rng.u32(0..1000)),
            "NMTOKENS" => (0..self.rng.usize(1..4)).map(|at| format!("t{at}")).collect::<Vec<_>>().join(" "),
            "anyURI" => format!("urn:a:{}", self.rng.u16(..)),
            "hexBinary" => format!("{:04X}", self.rng.u16(..)),
            "base64Binary" => ["", "AAAA", "SGVsbG8="][self.rng.usize(0..3)].to_owned(),
            "QName" => return Value::Name(Name::new(&self.known_namespace(), "Name")),
            "string" | "normalizedString" | "token" | "anySimpleType" => {
                let number = |kind: &'static str| all(kind).next().and_then(|n| n.parse::<usize>().ok());
                let exact = number("length");
                let min = exact.or(number("minLength")).unwrap_or(0);
                let max = exact.or(number("maxLength")).unwrap_or(min + 12);
                self.text(min, max.min(min + 12), of.builtin == "string")
            }
            other => panic!("xs:{other} is not known to the generator"),
        };
        done(text, Forms::One)
    }

    /// Text with the characters that are easily lost. Not with white space at its ends, which some types drop.
    fn text(&mut self, min: usize, max: usize, breaks: bool) -> String {
        const CHARACTERS: &[&str] =
            &["0", "7", "a", "B", "é", "ß", "😀", "<", ">", "&", "\"", "'", "{", "}", "]", "\\", "/", "\u{7f}"];
        let count = self.rng.usize(min..=max);
        let mut text = String::new();
        for at in 0..count {
            let inner = at > 0 && at + 1 < count && !text.ends_with([' ', '\n', '\t']);
            match self.rng.u8(0..12) {
                0 if inner => text.push(' '),
                1 if inner && breaks => text.push_str(["\n", "\t"][self.rng.usize(0..2)]),
                _ => text.push_str(CHARACTERS[self.rng.usize(0..CHARACTERS.len())]),
            }
        }
        text
    }

    fn date(&mut self) -> String {
        format!("{}-{:02}-{:02}", self.rng.u16(1900..2100), self.rng.u8(1..13), self.rng.u8(1..29))
    }

    fn double(&mut self) -> String {
        match self.rng.u8(0..6) {
            0 => ["INF", "-INF", "NaN"][self.rng.usize(0..3)].to_owned(),
            1 => format!("{}.{}E{}", self.rng.u8(..), self.rng.u8(..), self.rng.i8(-20..20)),
            _ => format!("{}.{}", self.rng.i16(..), self.rng.u8(..)),
        }
    }

    /// A decimal within bounds and digits: scaled by its fraction digits it is an integer.
    fn decimal(&mut self, of: &Atomic) -> String {
        let first = |kind: &str| of.facets.iter().find(|(known, _)| known == kind).map(|(_, value)| value.as_str());
        let integer = of.builtin != "decimal";
        let places: u32 = match first("fractionDigits").and_then(|n| n.parse().ok()) {
            _ if integer => 0,
            Some(most) => self.rng.u32(0..=most),
            None => self.rng.u32(0..=6),
        };
        let scale = 10_i128.pow(places);
        let scaled = |text: &str| {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(places as usize).collect();
            format!("{whole}{fraction}").parse::<i128>().expect("a decimal")
        };
        let bound = |inclusive: &str, exclusive: &str, step: i128| {
            first(inclusive).map(scaled).or_else(|| first(exclusive).map(|text| scaled(text) + step))
        };
        let (least, most) = range(&of.builtin);
        let digits = first("totalDigits").and_then(|n| n.parse::<u32>().ok()).unwrap_or(24).min(24);
        let widest = 10_i128.pow(digits) - 1;
        let least = bound("minInclusive", "minExclusive", 1).unwrap_or(least.saturating_mul(scale)).max(-widest);
        let most = bound("maxInclusive", "maxExclusive", -1).unwrap_or(most.saturating_mul(scale)).min(widest);
        let value = if self.rng.bool() {
            self.rng.i128(least..=most)
        } else {
            self.rng.i128(least.max(-99)..=most.min(999).max(least))
        };
        if places == 0 {
            return value.to_string();
        }
        let sign = if value < 0 { "-" } else { "" };
        let magnitude = value.unsigned_abs();
        let width = places as usize;
        format!("{sign}{}.{:0width$}", magnitude / scale.unsigned_abs(), magnitude % scale.unsigned_abs())
    }

    /// Text that a pattern matches. XSD's patterns are anchored, and so is what is made from them.
    fn matching(&mut self, pattern: &str) -> String {
        let strategy = string_regex(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let seed: [u8; 32] = std::array::from_fn(|_| self.rng.u8(..));
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        strategy.new_tree(&mut runner).expect("a value").current()
    }
}

fn is_decimal(builtin: &str) -> bool {
    builtin == "decimal" || range(builtin) != (i128::MIN, i128::MAX) || builtin == "integer"
}

/// The bounds of the built-in integer types.
fn range(builtin: &str) -> (i128, i128) {
    match builtin {
        "long" => (i64::MIN.into(), i64::MAX.into()),
        "int" => (i32::MIN.into(), i32::MAX.into()),
        "short" => (i16::MIN.into(), i16::MAX.into()),
        "byte" => (i8::MIN.into(), i8::MAX.into()),
        "unsignedLong" => (0, u64::MAX.into()),
        "unsignedInt" => (0, u32::MAX.into()),
        "unsignedShort" => (0, u16::MAX.into()),
        "unsignedByte" => (0, u8::MAX.into()),
        "nonNegativeInteger" => (0, i128::MAX),
        "positiveInteger" => (1, i128::MAX),
        "nonPositiveInteger" => (i128::MIN, 0),
        "negativeInteger" => (i128::MIN, -1),
        _ => (i128::MIN, i128::MAX),
    }
}
