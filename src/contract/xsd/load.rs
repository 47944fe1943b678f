//! Loads an XSD with what it includes, imports and redefines, from the files in memory and from nowhere else.

use std::sync::Arc;

use xsd_schema::{
    EmbeddedLoader, LocationRequest, ResolverConfig, SchemaError, SchemaLoader, SchemaResolver, SchemaResult,
    SchemaSet, SchemaSetBuilder, XsdVersion,
};

use super::directives::directives;
use super::explain::explained;
use crate::contract::Files;
use crate::contract::place::{element_span, join, offset};
use crate::diagnostic::{Diagnostic, SourceFile, codes, did_you_mean};

/// Every file of the map is known to the engine as `contract:///<path>`: with a scheme of its own no location can
/// ever name a file of the disk or a host of a network.
const SCHEME: &str = "contract:///";

/// What a location becomes that points out of the map.
const OUTSIDE: &str = "contract:///?outside";

/// Loads and compiles a file with everything that it refers to, as XSD 1.0.
pub(crate) fn load(files: &Arc<Files>, path: &str) -> Result<SchemaSet, Vec<Diagnostic>> {
    let Some(file) = files.get(path) else {
        return Err(Vec::new());
    };
    let failed = |error: &SchemaError| vec![of_error(files, file, error)];
    let mut set = builder(files)
        .add_source(&file.text, &to_location(path))
        .and_then(SchemaSetBuilder::compile)
        .map_err(|error| {
            let unresolved = unresolved(files, path);
            if unresolved.is_empty() { failed(&error) } else { unresolved }
        })?
        .into_schema_set();
    if set.directive_failures().iter().any(|failure| !failure.namespace_supplied()) {
        let found = unresolved(files, path);
        if !found.is_empty() {
            return Err(found);
        }
        let messages = set.directive_failures().iter().map(ToString::to_string);
        return Err(messages.map(|text| explained(codes::CONTRACT_REFERENCE, file, 0..0, &text)).collect());
    }
    let dangling = dangling(files, file, &set);
    if !dangling.is_empty() {
        return Err(dangling);
    }
    set.source_maps.compact();
    Ok(set)
}

/// References to components that no file has. The engine puts them off until a document needs them, as XML Schema
/// allows; in a contract they are mistakes.
fn dangling(files: &Files, file: &SourceFile, set: &SchemaSet) -> Vec<Diagnostic> {
    let of_elements = set.arenas.elements.values().filter_map(|element| element.deferred_type_error.as_ref());
    let of_lists = set.arenas.simple_types.values().filter_map(|list| list.deferred_item_type_error.as_ref());
    let deferred = of_elements.chain(of_lists).map(|one| (one.message.clone(), one.source.as_ref()));
    let heads = set.arenas.elements.values().filter_map(|element| {
        let head = element.substitution_group.get(element.resolved_substitution_groups.len())?;
        let name = set.name_table.resolve(head.local_name);
        Some((format!("the head `{name}` of a substitution group is not declared"), element.source.as_ref()))
    });
    let mut found = Vec::new();
    for (message, source) in deferred.chain(heads) {
        let location = set.locate(source);
        let file = location.as_ref().and_then(|at| files.get(from_location(&at.base_uri)?.as_str())).unwrap_or(file);
        let span = location.map_or(0..0, |at| element_span(&file.text, offset(&file.text, at.line, at.column)));
        let diagnostic = explained(codes::CONTRACT_INVALID, file, span, &message);
        if !found.contains(&diagnostic) {
            found.push(diagnostic);
        }
    }
    found
}

/// Every `schemaLocation` that gives no file, in this file and in those that it reaches.
fn unresolved(files: &Files, path: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen: Vec<Arc<str>> = Vec::new();
    let mut next: Vec<Arc<str>> = files.get_key_value(path).map(|(path, _)| path.clone()).into_iter().collect();
    while let Some(path) = next.pop() {
        let Some(file) = files.get(&path) else { continue };
        if seen.contains(&path) {
            continue;
        }
        for directive in directives(&file.text) {
            let target = join(&path, &directive.location).and_then(|target| files.get_key_value(target.as_str()));
            match target {
                Some((target, _)) => next.push(target.clone()),
                None if directive.is_well_known() => {}
                None => found.push(missing(files, file, &path, &directive)),
            }
        }
        seen.push(path);
    }
    found
}

fn missing(files: &Files, file: &SourceFile, path: &str, directive: &super::directives::Directive) -> Diagnostic {
    let location = &directive.location;
    let message = format!("`{location}` is not a file below `schemas/`");
    let diagnostic = Diagnostic::error(codes::CONTRACT_REFERENCE, file, directive.span.clone(), message);
    let name = location.rsplit('/').next().unwrap_or(location);
    let others = || files.keys().filter(|known| known.as_ref() != path);
    let same_name = others().find(|known| known.rsplit('/').next() == Some(name));
    let wanted = join(path, location);
    let similar = wanted
        .as_deref()
        .and_then(|wanted| did_you_mean(wanted, others().map(AsRef::as_ref).filter(|key| key.ends_with(".xsd"))));
    match (same_name.map(AsRef::as_ref).or(similar), location.contains("://")) {
        (Some(known), _) => diagnostic.hint(format!("write `schemaLocation=\"{}\"`", relative(path, known))),
        (None, true) => diagnostic.hint("nothing is fetched from a network: put a copy below `schemas/` and name it"),
        (None, false) => diagnostic.hint("put the file there, or correct the path; it is relative to this file"),
    }
}

/// The relative path from one file of the map to another.
fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = from.split('/').collect();
    let target: Vec<&str> = to.split('/').collect();
    let folders = from.len().saturating_sub(1);
    let common = from.iter().zip(&target).take(folders).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", folders.saturating_sub(common));
    up.chain(target.into_iter().skip(common)).collect::<Vec<_>>().join("/")
}

/// The diagnostic of what the engine says about a schema.
fn of_error(files: &Files, file: &SourceFile, error: &SchemaError) -> Diagnostic {
    let location = error.location();
    let file = location.and_then(|at| files.get(from_location(&at.base_uri)?.as_str())).unwrap_or(file);
    let span = location.map_or(0..0, |at| element_span(&file.text, offset(&file.text, at.line, at.column)));
    let (code, message) = match error {
        SchemaError::XmlError { message, .. } => (codes::CONTRACT_SYNTAX, message.clone()),
        SchemaError::StructuralError { message, constraint, .. } => {
            (codes::CONTRACT_INVALID, format!("{message} [{constraint}]"))
        }
        SchemaError::NamespaceError { message, .. } | SchemaError::LimitExceeded { message, .. } => {
            (codes::CONTRACT_INVALID, message.clone())
        }
        SchemaError::FeatureError { message, .. } => (codes::CONTRACT_UNSUPPORTED, message.clone()),
        SchemaError::ResolutionError { message } => (codes::CONTRACT_REFERENCE, message.clone()),
        other => (codes::CONTRACT_INVALID, other.to_string()),
    };
    explained(code, file, span, &message.replace(SCHEME, ""))
}

fn builder(files: &Arc<Files>) -> SchemaSetBuilder {
    let loader = Box::new(FilesLoader { files: Arc::clone(files) });
    let mut resolver = SchemaResolver::with_config_and_loader(ResolverConfig::default(), loader);
    resolver.catalog_mut().add_xml_catalog();
    resolver.set_location_rewriter(rewrite);
    SchemaSetBuilder::with_resolver(resolver, XsdVersion::V1_0)
}

/// Resolves the location of a directive inside the map.
fn rewrite(request: &LocationRequest<'_>, _: &SchemaResolver) -> Option<String> {
    request.kind?;
    if request.location.contains("://") {
        return None;
    }
    let from = from_location(request.base_uri)?;
    Some(join(&from, request.location).map_or_else(|| OUTSIDE.to_owned(), |path| to_location(&path)))
}

/// A path of the map as the engine's location; what a URI could misread is escaped.
pub(crate) fn to_location(path: &str) -> String {
    let mut location = String::from(SCHEME);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            location.push(char::from(byte));
        } else {
            location.push_str(&format!("%{byte:02X}"));
        }
    }
    location
}

/// The reverse of [`to_location`].
pub(crate) fn from_location(location: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(location.len());
    let mut rest = location.strip_prefix(SCHEME)?;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let (hex, after) = after.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

/// Gives the engine the files of the map, and its own copies of `xml.xsd` and `xlink.xsd`.
#[derive(Debug)]
struct FilesLoader {
    files: Arc<Files>,
}

impl SchemaLoader for FilesLoader {
    fn load(&self, location: &str) -> SchemaResult<String> {
        if EmbeddedLoader.can_load(location) {
            return EmbeddedLoader.load(location);
        }
        from_location(location)
            .and_then(|path| self.files.get(path.as_str()))
            .map(|file| file.text.to_string())
            .ok_or_else(|| SchemaError::resolution(format!("`{location}` is not a file below `schemas/`")))
    }

    fn can_load(&self, _: &str) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_survive_any_path() {
        for path in ["a.xsd", "erp/order status.xsd", "ä/100%.xsd", "a#b?c.xsd"] {
            assert_eq!(from_location(&to_location(path)).as_deref(), Some(path));
        }
    }

    #[test]
    fn relative_paths() {
        assert_eq!(relative("a/b.xsd", "a/c.xsd"), "c.xsd");
        assert_eq!(relative("a/b.xsd", "x/c.xsd"), "../x/c.xsd");
        assert_eq!(relative("b.xsd", "x/c.xsd"), "x/c.xsd");
        assert_eq!(relative("a/b/c.xsd", "a.xsd"), "../../a.xsd");
    }
}
