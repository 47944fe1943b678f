//! Real documents: every UBL 2.1 sample there and back, where they are at hand.

use std::path::{Path, PathBuf};

use super::support::{Contracts, canonical, files, json_to_xml, read, root_of, xml_to_json};

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
    let samples: Vec<_> = files(&folder.join("xml"), ".xml")
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (root_of(&read(&text)), path, text)
        })
        .collect();
    assert!(!samples.is_empty());
    // Of one kind after the other, so that each schema is loaded once.
    for same in samples.chunk_by(|(one, ..), (other, ..)| one == other) {
        let root = &same[0].0;
        let contracts = Contracts::load(&folder.join(format!("xsd/maindoc/UBL-{root}-2.1.xsd")));
        let plan = contracts.of(root);
        for (_, path, text) in same {
            let tree = read(text);
            let document = xml_to_json(&plan, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let back = json_to_xml(&plan, &document).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(canonical(&read(&back)), canonical(&tree), "{}", path.display());
        }
    }
}
