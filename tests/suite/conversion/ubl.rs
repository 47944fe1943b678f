//! Real documents: every UBL 2.1 sample there and back, validated both times, where they are at hand.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use trunkline::contract::{Registry, vouches};
use trunkline::message::Limits;

use super::laws::schema_files;
use super::support::{canonical, files, read, root_of};

fn samples() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/ubl-2.1");
    if folder.exists() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not here", folder.display());
    None
}

#[test]
fn every_sample_comes_back_as_it_was() {
    let Some(folder) = samples() else { return };
    let limits = Limits::default();
    let samples: Vec<_> = files(&folder.join("xml"), ".xml")
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (root_of(&read(&text)), path, text)
        })
        .collect();
    assert!(!samples.is_empty());
    // Of one kind after the other, so that each schema is loaded once and dropped again.
    for same in samples.chunk_by(|(one, ..), (other, ..)| one == other) {
        let root = &same[0].0;
        let registry = Registry::new(schema_files(&folder.join("xsd")));
        let reference = format!("maindoc/UBL-{root}-2.1#{root}");
        let contract = registry.resolve(&reference).unwrap_or_else(|error| panic!("{reference}: {}", error.message));
        for (_, path, text) in same {
            let name = path.display();
            let body = Bytes::from(text.clone());
            let document = contract.read(&body, &limits).unwrap_or_else(|error| panic!("{name}: {error}"));
            let back = contract.write(&document, &limits).unwrap_or_else(|error| panic!("{name} back: {error}"));
            let back = String::from_utf8(back.to_vec()).unwrap();
            assert_eq!(canonical(&read(&back)), canonical(&read(text)), "{name}");
            let renamed =
                Bytes::from(text.replace("<cbc:", "<b:").replace("</cbc:", "</b:").replace("xmlns:cbc=", "xmlns:b="));
            let again =
                contract.read(&renamed, &limits).unwrap_or_else(|error| panic!("{name} with other prefixes: {error}"));
            assert!(again == document, "{name}: other prefixes, other JSON");
        }
    }
}

#[test]
fn most_samples_need_no_engine() {
    let Some(folder) = samples() else { return };
    let registry = Registry::new(schema_files(&folder.join("xsd")));
    let (mut vouched, mut all) = (0, 0);
    for path in
        files(&folder.join("xml"), ".xml").into_iter().filter(|path| path.display().to_string().contains("Invoice"))
    {
        let tree = read(&std::fs::read_to_string(&path).unwrap());
        let root = root_of(&tree);
        let contract = registry.resolve(&format!("maindoc/UBL-{root}-2.1#{root}")).expect("a schema");
        let plan = contract.xml_plan().expect("has a root");
        let own = vouches(&plan, &tree);
        println!("{own} {}", path.display());
        vouched += u32::from(own);
        all += 1;
    }
    assert!(vouched * 10 >= all * 9, "only {vouched} of {all}");
}
