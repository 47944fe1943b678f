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
    let mut seen = 0;
    for path in files(&folder.join("xml"), ".xml") {
        let text = std::fs::read_to_string(&path).unwrap();
        let tree = read(&text);
        let root = root_of(&tree);
        let schema = folder.join(format!("xsd/maindoc/UBL-{root}-2.1.xsd"));
        let started = std::time::Instant::now();
        let contracts = Contracts::load(&schema);
        eprintln!("{} loaded in {:?}", schema.display(), started.elapsed());
        let started = std::time::Instant::now();
        let plan = contracts.of(&root);
        eprintln!("plan in {:?}", started.elapsed());
        let document = xml_to_json(&plan, &text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let back = json_to_xml(&plan, &document).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(canonical(&read(&back)), canonical(&tree), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 0);
}
