//! Which files a contract is made of: its own, and all that it refers to.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::json::{Base, Sources};
use super::place::join;
use super::reference::target;
use super::registry::Registry;
use super::xsd::directives;
use crate::diagnostic::SourceFile;

/// The keywords of JSON Schema that name other schemas.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

impl Registry {
    /// The files of which a contract is made, by path; none for a reference that does not resolve.
    pub fn files_of(&self, reference: &str) -> Vec<SourceFile> {
        let files = self.files();
        let mut next: Vec<String> = target(files, reference).map(|target| target.path).into_iter().collect();
        let mut reached = BTreeSet::new();
        while let Some(path) = next.pop() {
            let Some(file) = files.get(path.as_str()) else { continue };
            if reached.insert(path.clone()) {
                next.extend(if path.ends_with(".json") {
                    named_in_json(self.sources(), &path)
                } else {
                    directives(&file.text).iter().filter_map(|one| join(&path, &one.location)).collect()
                });
            }
        }
        reached.iter().filter_map(|path| files.get(path.as_str()).cloned()).collect()
    }
}

/// The files that a JSON Schema names at any depth.
fn named_in_json(sources: &Sources, path: &str) -> Vec<String> {
    let Some(Ok(source)) = sources.get(path) else { return Vec::new() };
    let id = source.json.get("$id").and_then(Json::as_str).filter(|id| id.contains("://"));
    let base = Base { path: path.to_owned(), id: id.map(str::to_owned) };
    let mut found = Vec::new();
    let mut values = vec![&source.json];
    while let Some(value) = values.pop() {
        match value {
            Json::Array(items) => values.extend(items),
            Json::Object(members) => {
                for (key, value) in members {
                    values.push(value);
                    if let Some(named) = value.as_str().filter(|_| REFERENCES.contains(&key.as_str())) {
                        let uri = named.split('#').next().unwrap_or_default();
                        found.extend(sources.path_of(&base, uri).map(str::to_owned));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Files;

    fn made_of(reference: &str) -> Vec<String> {
        let files: Files = [
            ("a.json", r#"{ "$id": "https://shop.example/a.json", "items": { "$ref": "b.json#/$defs/x" } }"#),
            ("b.json", r##"{ "$defs": { "x": { "$ref": "#/$defs/y" }, "y": true } }"##),
            ("c.json", "true"),
            ("d/e.xsd", r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="../f.xsd"/></xs:schema>"#),
            ("f.xsd", r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="d/e.xsd"/></xs:schema>"#),
            ("g.xsd", r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>"#),
        ]
        .map(|(path, text)| (path.into(), SourceFile::new(format!("schemas/{path}"), text)))
        .into();
        Registry::new(files).files_of(reference).iter().map(|file| file.path.to_string()).collect()
    }

    #[test]
    fn a_contract_is_made_of_what_it_refers_to() {
        assert_eq!(made_of("a"), ["schemas/a.json", "schemas/b.json"]);
        assert_eq!(made_of("b#/$defs/x"), ["schemas/b.json"]);
        assert_eq!(made_of("d/e#Order"), ["schemas/d/e.xsd", "schemas/f.xsd"]);
        assert_eq!(made_of("nothing"), Vec::<String>::new());
    }
}
