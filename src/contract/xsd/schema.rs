//! A compiled XSD that all roots of its file share.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use xsd_schema::SchemaSet;

use super::engine::with_engine;
use super::load::{from_location, load};
use super::validate::{Found, Root, validate};
use crate::contract::Files;
use crate::diagnostic::Diagnostic;
use crate::format::xml::{ExpandedName, Tree, locate};
use crate::message::{Violation, Violations};

/// A schema file with everything that it refers to, compiled.
///
/// The engine's component model can move between threads, but two threads cannot use one at the same time. So each
/// thread that validates has a model of its own, made when it first needs one and dropped when the schema is; the
/// first one is the model that loading made, kept until then for [`Schema::with_set`].
pub struct Schema {
    files: Arc<Files>,
    path: Arc<str>,
    roots: Vec<ExpandedName>,
    /// How many of them are of the file's own namespace.
    own_roots: usize,
    /// The paths of all files that were loaded, this one first.
    documents: Vec<String>,
    has_names_in_values: bool,
    spare: Mutex<Option<Box<SchemaSet>>>,
    /// Tells the threads' engines whether the schema still lives.
    life: Arc<()>,
}

impl Schema {
    /// Loads and compiles a file of the map.
    pub(crate) fn load(files: &Arc<Files>, path: &str) -> Result<Self, Vec<Diagnostic>> {
        let set = load(files, path)?;
        let (roots, own_roots) = roots(&set);
        let mut documents: Vec<String> = set.loaded_schema_locations().filter_map(from_location).collect();
        documents.sort_unstable_by_key(|document| (document != path, document.clone()));
        Ok(Self {
            files: Arc::clone(files),
            path: path.into(),
            roots,
            own_roots,
            has_names_in_values: has_names_in_values(files, &documents),
            documents,
            spare: Mutex::new(Some(Box::new(set))),
            life: Arc::new(()),
        })
    }

    /// The path of the file, as `erp/order.xsd`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The global elements that are not abstract, those of this file's own namespace first, else by name.
    pub fn roots(&self) -> &[ExpandedName] {
        &self.roots
    }

    /// The global element of the file's own namespace, if it is the only one that is not abstract: then a contract
    /// without a root means it.
    pub fn only_root(&self) -> Option<&ExpandedName> {
        match self.roots.get(..self.own_roots)? {
            [root] => Some(root),
            _ => None,
        }
    }

    /// The texts of this file first, then of those that it includes, imports and redefines, the others in the order of their paths.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.documents.iter().filter_map(|path| self.files.get(path.as_str())).map(|file| &*file.text)
    }

    /// Reads from the engine's component model. Meant for load time: it may compile the schema anew.
    pub fn with_set<T>(&self, read: impl FnOnce(&SchemaSet) -> T) -> Result<T, Vec<Diagnostic>> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = spare.as_deref() {
            return Ok(read(set));
        }
        let set = Box::new(load(&self.files, &self.path)?);
        let result = read(&set);
        *spare = Some(set);
        Ok(result)
    }

    /// Validates a document whose root is to be `root`, or any global element. `body` is what the
    /// tree was read from, for line and column; `None` for a tree that was made.
    ///
    /// # Errors
    /// The first violations in document order: an XPath with indices, a `cvc-…` rule, the place in the schema.
    pub fn check(&self, tree: &Tree, root: Option<&ExpandedName>, body: Option<&[u8]>) -> Result<(), Violations> {
        let place = |(violation, offset): Found| {
            let Some(body) = body else { return violation };
            let (line, column) = locate(body, offset);
            violation.at(line, column)
        };
        Violations::none_of(self.validate(tree, root).into_iter().map(place).collect())
    }

    /// What is wrong in a document whose root is to be `root`, or any global element: the first violations.
    pub(crate) fn validate(&self, tree: &Tree, root: Option<&ExpandedName>) -> Vec<Found> {
        let root = root.map_or(Root::AnyOf(&self.roots), Root::Only);
        let result = with_engine(&self.life, || self.take_set(), |engine| validate(engine, tree, root));
        result.unwrap_or_else(|| vec![(Violation::new("internal", "", "the schema could not be compiled again"), 0)])
    }

    /// The bytes that the names of this thread's engine hold: a measure that must not grow with documents.
    #[cfg(test)]
    pub(crate) fn name_bytes(&self) -> usize {
        with_engine(&self.life, || self.take_set(), |engine| engine.names().heap_bytes()).unwrap_or_default()
    }

    fn take_set(&self) -> Option<(SchemaSet, bool)> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).take();
        let set = spare.map(|set| *set).or_else(|| load(&self.files, &self.path).ok())?;
        Some((set, self.has_names_in_values))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("path", &self.path).field("roots", &self.roots).finish_non_exhaustive()
    }
}

/// Whether values can be of type `xs:QName` or `xs:NOTATION`: then the engine needs the bindings of the document.
fn has_names_in_values(files: &Files, documents: &[String]) -> bool {
    let mut files = documents.iter().filter_map(|path| files.get(path.as_str()));
    files.any(|file| file.text.contains("QName") || file.text.contains("NOTATION"))
}

/// The global elements, and how many of them are of the file's own namespace; those come first.
fn roots(set: &SchemaSet) -> (Vec<ExpandedName>, usize) {
    let own = set.documents.first().and_then(|document| document.target_namespace);
    let mut roots = Vec::new();
    for (namespace, table) in &set.namespaces {
        for (name, key) in &table.elements {
            if set.arenas.elements.get(*key).is_some_and(|element| element.is_abstract) {
                continue;
            }
            let uri = namespace.map(|id| set.name_table.resolve(id)).unwrap_or_default();
            let name = ExpandedName { namespace: uri.into(), local: set.name_table.resolve(*name).into() };
            roots.push((*namespace != own, name));
        }
    }
    roots.sort_by(|(a_foreign, a), (b_foreign, b)| {
        let key = |name: &ExpandedName| (name.local.to_string(), name.namespace.to_string());
        a_foreign.cmp(b_foreign).then_with(|| key(a).cmp(&key(b)))
    });
    let own = roots.iter().filter(|(foreign, _)| !foreign).count();
    (roots.into_iter().map(|(_, name)| name).collect(), own)
}
