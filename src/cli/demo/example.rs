//! The shipped example, inside the binary, so that the demonstration needs no folder.

use crate::config::Sources;
use crate::diagnostic::SourceFile;

macro_rules! file {
    ($path:literal) => {
        ($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)))
    };
}
/// The files as a project's folder would give them.
pub fn sources() -> Sources {
    let mut sources = Sources::default();
    for (path, text) in FILES {
        let file = SourceFile::new(*path, *text);
        match path.split_once('/') {
            Some(("routes", below)) => drop(sources.routes.insert(below.trim_end_matches(".yaml").to_owned(), file)),
            Some(("transforms", below)) => {
                drop(sources.transforms.insert(below.trim_end_matches(".yaml").to_owned(), file));
            }
            Some((_, below)) => drop(sources.schemas.insert(below.into(), file)),
            None => {}
        }
    }
    sources
}

/// Path and text of each file of the example integration.
const FILES: &[(&str, &str)] = &[
    file!("routes/chat/inventory.yaml"),
    file!("routes/chat/order-status.yaml"),
    file!("routes/crm/lead-capture.yaml"),
    file!("routes/erp/shipment-notice.yaml"),
    file!("routes/shop/new-order.yaml"),
    file!("transforms/chat/inventory-from-erp.yaml"),
    file!("transforms/chat/inventory-to-erp.yaml"),
    file!("transforms/chat/order-status-from-erp.yaml"),
    file!("transforms/chat/order-status-to-erp.yaml"),
    file!("transforms/crm/lead.yaml"),
    file!("transforms/erp/shipment-to-chat.yaml"),
    file!("transforms/shop/order-to-erp.yaml"),
    file!("schemas/chat/common.json"),
    file!("schemas/chat/inventory-reply.json"),
    file!("schemas/chat/inventory-request.json"),
    file!("schemas/chat/lead.json"),
    file!("schemas/chat/notification.json"),
    file!("schemas/chat/order-status-reply.json"),
    file!("schemas/chat/order-status-request.json"),
    file!("schemas/crm/lead.json"),
    file!("schemas/erp/common.xsd"),
    file!("schemas/erp/inventory.xsd"),
    file!("schemas/erp/order-status.xsd"),
    file!("schemas/erp/order.xsd"),
    file!("schemas/erp/shipment.xsd"),
    file!("schemas/shop/order-event.json"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    fn walk(root: &Path, folder: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder is there") {
            let entry = entry.expect("is readable");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                walk(root, &path, found);
            } else if !path.ends_with(".test.yaml") {
                found.insert(path);
            }
        }
    }

    #[test]
    fn holds_every_file_of_the_example() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = BTreeSet::new();
        for folder in ["routes", "transforms", "schemas"] {
            walk(root, folder, &mut found);
        }
        let held: BTreeSet<String> = super::FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(held, found);
    }
}
