//! What is vouched for without the engine, is valid for the engine: over generated documents, and over documents that
//! were changed at random until most of them are not valid any more.

use fastrand::Rng;
use trunkline::contract::vouches;

use super::laws::{Subject, for_each, subjects};
use super::support::read;
use crate::generate::{Element, Forms, Generator, Item, Name, Style, Value};

/// Documents of each root element, and changed copies of each.
const EACH: u64 = 24;
const COPIES: u64 = 20;

/// Values that are almost of some type.
const VALUES: [&str; 44] = [
    "",
    " ",
    "x",
    "0",
    "-0",
    "00",
    "+1",
    "-1",
    "1",
    "1.0",
    "1.50",
    "0.001",
    "99999",
    "100.001",
    "2147483648",
    "18446744073709551616",
    "1e5",
    "INF",
    "NaN",
    "true",
    "TRUE",
    "2026-02-29",
    "2028-02-29",
    "2026-02-28T24:00:00",
    "2026-02-28T23:59:59.5Z",
    "2026-02-28T09:30:00+14:01",
    "12:60:00",
    "a b",
    " a  b ",
    "EUR",
    "EURO",
    "0102",
    "de-DE",
    "urn:x",
    "1:x",
    "http://a/%zz",
    "QUI=",
    "QUJ=",
    "QQ==",
    "QR==",
    "Q Q= =",
    "AB1",
    "ab12",
    "a:b",
];

#[test]
fn nothing_is_vouched_for_that_is_not_valid() {
    let (mut vouched, mut refused, mut asked) = (0_u32, 0_u32, 0_u32);
    for subject in subjects() {
        for root in subject.roots() {
            let contract = subject.contract(&root.local);
            let plan = contract.xml_plan().expect("has a root");
            let (schema, name) = contract.xml_schema().expect("is of XSD");
            for seed in 0..EACH {
                let document = Generator::new(&subject.schemas, seed).document(&root);
                let mut rng = Rng::with_seed(seed);
                for _ in 0..COPIES {
                    let mut copy = document.clone();
                    for _ in 0..rng.u32(1..=2) {
                        change(&mut copy, &mut rng);
                    }
                    let text = copy.write(Style::Plain, &mut rng);
                    let tree = read(&text);
                    let valid = schema.check(&tree, name, None);
                    match (vouches(&plan, &tree), valid) {
                        (true, Ok(())) => vouched += 1,
                        (true, Err(violations)) => panic!("{} {seed}: {violations}\n{text}", subject.name),
                        (false, Err(_)) => refused += 1,
                        (false, Ok(())) => asked += 1,
                    }
                }
            }
        }
    }
    println!("{vouched} vouched for, {refused} refused, {asked} for the engine alone");
    assert!(vouched > 1_000 && refused > 10_000, "{vouched} {refused}: the changes are too small, or too large");
}

#[test]
fn the_documents_of_the_example_need_no_engine() {
    let is_example = |subject: &Subject| subject.name.starts_with("erp/");
    for_each(EACH, |contract, subject, cases| {
        if !is_example(subject) {
            return;
        }
        let plan = contract.xml_plan().expect("has a root");
        let tree = |element: &Element| read(&element.write(Style::Plain, &mut Rng::with_seed(0)));
        let vouched = cases.iter().filter(|case| vouches(&plan, &tree(&case.element))).count();
        println!("{}: {vouched} of {}", contract.reference(), cases.len());
        assert!(vouched * 10 >= cases.len() * 9, "{}: only {vouched} of {}", contract.reference(), cases.len());
    });
}

/// Changes one thing somewhere.
fn change(root: &mut Element, rng: &mut Rng) {
    let names = names_of(root);
    let size = names.len();
    let at = rng.usize(0..size);
    let Some(element) = nth(root, &mut { at }) else { return };
    let some_value = |rng: &mut Rng| Value::Text {
        text: VALUES[rng.usize(0..VALUES.len())].to_owned(),
        collapses: false,
        forms: Forms::One,
    };
    let items = element.items.len();
    match rng.u32(0..10) {
        0 if items > 0 => drop(element.items.remove(rng.usize(0..items))),
        1 if items > 0 => {
            let item = element.items[rng.usize(0..items)].clone();
            element.items.insert(rng.usize(0..=items), item);
        }
        2 if items > 1 => element.items.swap(rng.usize(0..items), rng.usize(0..items)),
        3 if !element.attributes.is_empty() => {
            let at = rng.usize(0..element.attributes.len());
            element.attributes[at].1 = some_value(rng);
        }
        4 if !element.attributes.is_empty() => drop(element.attributes.remove(rng.usize(0..element.attributes.len()))),
        5 => {
            let name = Name::new("", &names[rng.usize(0..size)].local);
            if element.attributes.iter().all(|(known, _)| *known != name) {
                element.attributes.push((name, some_value(rng)));
            }
        }
        6 => element.name = names[rng.usize(0..size)].clone(),
        7 => element.name.namespace = names[rng.usize(0..size)].namespace.clone(),
        8 => {
            let value = some_value(rng);
            element.items.insert(rng.usize(0..=items), Item::Value(value));
        }
        _ => element.items = vec![Item::Value(some_value(rng))],
    }
}

fn names_of(element: &Element) -> Vec<Name> {
    let children = element.items.iter().filter_map(|item| match item {
        Item::Element(child) => Some(names_of(child)),
        Item::Value(_) => None,
    });
    std::iter::once(vec![element.name.clone()]).chain(children).flatten().collect()
}

/// The n-th element in document order.
fn nth<'e>(element: &'e mut Element, left: &mut usize) -> Option<&'e mut Element> {
    if *left == 0 {
        return Some(element);
    }
    *left -= 1;
    element.items.iter_mut().find_map(|item| match item {
        Item::Element(child) => nth(child, left),
        Item::Value(_) => None,
    })
}
