//! The targets of the fuzzer over seeds and their mutations: a first look at every change, without nightly Rust.

use std::path::Path;

use fastrand::Rng;

#[path = "../../fuzz/fuzz_targets/targets.rs"]
mod targets;

/// Mutations of each seed.
const EACH: u64 = 300;

/// Runs a target over seeds and mutations; how many were accepted, and how many not.
fn run(target: fn(&[u8]) -> bool, seeds: &[Vec<u8>], each: u64) -> (usize, usize) {
    let mut accepted = 0;
    let mut refused = 0;
    for data in mutations(seeds, each) {
        if target(&data) { accepted += 1 } else { refused += 1 }
    }
    (accepted, refused)
}

/// The seeds, and mutations of each.
pub fn mutations(seeds: &[Vec<u8>], each: u64) -> Vec<Vec<u8>> {
    let mut all = seeds.to_vec();
    for (seed, at) in seeds.iter().zip(0_u64..) {
        all.extend((0..each).map(|number| mutated(seed, seeds, &mut Rng::with_seed(at << 32 | number))));
    }
    all
}

fn mutated(seed: &[u8], all: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(0..=bytes.len());
        let until = rng.usize(at..=bytes.len().min(at + 12));
        match rng.u8(0..6) {
            0 => drop(bytes.splice(at..until, [])),
            1 => drop(bytes.splice(at..at, [rng.u8(..)])),
            2 => {
                let copy = bytes[at..until].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            3 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.u8(0..8)),
            4 => {
                let other = &all[rng.usize(0..all.len())];
                let from = rng.usize(0..=other.len());
                let piece = &other[from..other.len().min(from + 16)];
                drop(bytes.splice(at..until, piece.iter().copied()));
            }
            _ => {
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = b"<>&\"'{}[]:,-#|. \n0e\\"[rng.usize(0..20)])
            }
        }
    }
    bytes
}

/// The files with an ending below a folder of the repository.
pub fn files(below: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(below)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending)
                && !path.to_string_lossy().ends_with(".test.yaml")
            {
                found.push(std::fs::read(path).expect("readable"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn xml() {
    let mut seeds = files("examples/messages", "xml");
    seeds.extend([
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- c --><a:b xmlns:a='u' a:c='1&#10;2'><![CDATA[x]]>&lt;<?p i?></a:b>".to_vec(),
        b"<a xmlns='u'><b xmlns=''/><c xml:lang=\"de\">\xc3\xa9</c></a>".to_vec(),
    ]);
    let (accepted, refused) = run(targets::xml, &seeds, EACH);
    assert!(accepted > 100 && refused > 500, "{accepted} accepted, {refused} refused");
}

#[test]
fn json() {
    let mut seeds = files("examples/messages", "json");
    seeds.push(br#"{"a":[1.10,-0,1e-7,12345678901234567890],"\u00e9\ud83d\ude00":null,"b":{"c":true}}"#.to_vec());
    let (accepted, refused) = run(targets::json, &seeds, EACH);
    assert!(accepted > 100 && refused > 500, "{accepted} accepted, {refused} refused");
}

#[test]
fn headers() {
    let table = |fields: &[u8]| [&u32::try_from(fields.len()).expect("small").to_be_bytes()[..], fields].concat();
    let nested = table(b"\x01xt\x01");
    let array = table(b"I\0\0\0\x07");
    let seeds = [
        table(b"\x01aS\0\0\0\x03007\x01bt\x01\x01cl\0\0\0\0\0\0\0\x09\x01dT\0\0\0\0\0\0\0\x01"),
        table(&[b"\x01nF", &nested[..], b"\x01lA", &array[..], b"\x01dD\x02\0\0\x01\x2c"].concat()),
        table(b"\x01fd@\t!\xfbTD-\x18\x01gf@I\x0f\xdb\x01vV\x01xx\0\0\0\x02\xff\0"),
    ];
    let (accepted, refused) = run(targets::headers, &seeds, EACH * 5);
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

#[test]
fn mapping() {
    let seeds: Vec<Vec<u8>> = [
        ".a[0] + 1.10 | tostring",
        "{ a: [.a[] | select(type == \"number\") | . * 2], \"b\\(.c)\": .a[1].b } + {c: 1}",
        "reduce .a[] as $x (0; . + ($x | numbers)) // \"none\"",
        "def f(g): map(g); .a | f(tojson) | sort | unique | length",
        "try error(\"x\") catch . | if . == \"x\" then [limit(3; range(10))] else empty end",
        ".a[1].b |= ascii_downcase | to_entries | from_entries | keys",
        "[.[] | test(\"^0+\")?] | any",
    ]
    .map(|program| program.as_bytes().to_vec())
    .into();
    let (accepted, refused) = run(targets::mapping, &seeds, EACH);
    assert!(accepted > 50 && refused > 500, "{accepted} accepted, {refused} refused");
}

#[test]
fn route() {
    let mut seeds = files("routes", "yaml");
    // Those of the example name contracts, which are not there.
    seeds.extend(
        [
            "from: { amqp: { queue: q } }\nsteps:\n  - to: { amqp: { routing_key: r } }\n",
            "from:\n  amqp: { queue: q, prefetch: 7 }\nsteps:\n  - filter: { when: .a == 1 }\n  - log: .b\nreply: {}\n",
            "from: { amqp: { queue: q } }\nsteps: [{ set: { headers: { a: .b } } }]\nreply: {}\non_error: { retry: { delayed: [5s] } }\n",
        ]
        .map(|text| text.as_bytes().to_vec()),
    );
    let (accepted, refused) = run(targets::route, &seeds, EACH / 3);
    assert!(accepted > 5 && refused > 200, "{accepted} accepted, {refused} refused");
}
