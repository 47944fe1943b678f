//! The contracts of a project, compiled when first asked for.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::Files;
use super::contract::Contract;
use super::json::{JsonSchema, Source, Sources, diagnose, is_fatal};
use super::place::join;
use super::plan;
use super::reference::{self, Target, target};
use super::resolve::ResolveError;
use super::xml::XmlContract;
use super::xsd::{Schema, directives};
use crate::diagnostic::{Diagnostic, Severity, codes, did_you_mean};
use crate::format::json::pointer;
use crate::message::Value;

/// A schema file that was loaded, or why it could not be.
type Loaded = Result<Arc<Schema>, Vec<Diagnostic>>;

/// The contracts of a project, compiled when first resolved.
pub struct Registry {
    files: Arc<Files>,
    sources: OnceLock<Arc<Sources>>,
    schemas: Mutex<HashMap<String, Loaded>>,
    contracts: Mutex<HashMap<String, Arc<Contract>>>,
}

impl Registry {
    /// A registry over these files.
    pub fn new(files: Files) -> Self {
        Self {
            files: Arc::new(files),
            sources: OnceLock::new(),
            schemas: Mutex::default(),
            contracts: Mutex::default(),
        }
    }

    /// The contract of a reference, as `chat/order#/$defs/line`. The same contract for the same reference.
    pub fn resolve(&self, reference: &str) -> Result<Arc<Contract>, ResolveError> {
        let known = lock(&self.contracts).get(reference).cloned();
        if let Some(contract) = known {
            return Ok(contract);
        }
        let target = target(&self.files, reference)?;
        let contract = Arc::new(self.compile(reference, &target)?);
        Ok(lock(&self.contracts).entry(reference.to_owned()).or_insert(contract).clone())
    }

    /// The names of all contracts: the paths of the files without their endings.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().filter_map(|path| reference::name(path))
    }

    /// The roots that a reference to this contract may name: global elements of an XSD, `/$defs/…` of a JSON Schema.
    pub fn roots(&self, name: &str) -> Result<Vec<String>, ResolveError> {
        let target = target(&self.files, name)?;
        if target.path.ends_with(".json") {
            return Ok(definitions(&*self.source(name, &target.path)?));
        }
        let schema = self.schema(name, &target.path)?;
        Ok(schema.roots().iter().map(|root| root.local.to_string()).collect())
    }

    /// Compiles every file, also those that nobody refers to, and gives what is wrong in them.
    pub fn check(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for path in self.files.keys().filter(|path| path.ends_with(".json")) {
            if let Err(error) = self.json(path, path, "") {
                found.extend(error.diagnostics);
            }
            found.extend(diagnose(self.sources(), path).into_iter().filter(|one| one.severity == Severity::Warning));
        }
        for path in self.entries() {
            // What nobody has resolved is loaded and dropped: a folder of schemas may hold far more than are used.
            let known = lock(&self.schemas).get(path).cloned();
            if let Err(diagnostics) = known.unwrap_or_else(|| Schema::load(&self.files, path).map(Arc::new)) {
                found.extend(diagnostics);
            }
        }
        found.sort_by(|a, b| (&a.file.path, a.span.start, a.code).cmp(&(&b.file.path, b.span.start, b.code)));
        found.dedup();
        found
    }

    fn compile(&self, reference: &str, target: &Target<'_>) -> Result<Contract, ResolveError> {
        if target.path.ends_with(".json") {
            return self.json(reference, &target.path, target.root).map(|schema| Contract::json(reference, schema));
        }
        let schema = self.schema(reference, &target.path)?;
        let root = match target.root {
            "" => schema.only_root().cloned(),
            name => match schema.roots().iter().find(|root| root.local == name) {
                Some(root) => Some(root.clone()),
                None => return Err(no_root(&schema, name)),
            },
        };
        let unsupported = |error: plan::Error| {
            let file = self.files.get(target.path.as_str());
            let diagnostic = |file| Diagnostic::error(codes::CONTRACT_UNSUPPORTED, file, 0..0, error.to_string());
            ResolveError::files(reference, file.map(diagnostic).into_iter().collect())
        };
        XmlContract::compile(schema, root).map(|contract| Contract::xml(reference, contract)).map_err(unsupported)
    }

    fn json(&self, reference: &str, path: &str, at: &str) -> Result<JsonSchema, ResolveError> {
        let source = self.source(reference, path)?;
        match pointer::resolve(&source.value, at) {
            Some(Value::Object(_) | Value::Bool(_)) if at.is_empty() || at.starts_with('/') => {}
            _ => return Err(no_definition(&source, path, at)),
        }
        JsonSchema::compile(self.sources(), &source, path, at)
            .map_err(|diagnostic| ResolveError::files(reference, vec![diagnostic]))
    }

    /// The parsed file of a JSON Schema, if it and what it refers to have no errors.
    fn source(&self, reference: &str, path: &str) -> Result<Arc<Source>, ResolveError> {
        let diagnostics = diagnose(self.sources(), path);
        match self.sources().get(path) {
            Some(Ok(source)) if !is_fatal(&diagnostics) => Ok(Arc::clone(source)),
            _ => Err(ResolveError::files(reference, diagnostics)),
        }
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    pub(super) fn sources(&self) -> &Arc<Sources> {
        self.sources.get_or_init(|| Arc::new(Sources::new(&self.files)))
    }

    fn schema(&self, reference: &str, path: &str) -> Result<Arc<Schema>, ResolveError> {
        self.load(path).map_err(|diagnostics| ResolveError::files(reference, diagnostics))
    }

    fn load(&self, path: &str) -> Loaded {
        // Loading holds the lock, so that one file is never compiled twice at the same time.
        let mut schemas = lock(&self.schemas);
        let load = || Schema::load(&self.files, path).map(Arc::new);
        schemas.entry(path.to_owned()).or_insert_with(load).clone()
    }

    /// The schema files that no other one includes or imports; of files that only name each other, the first.
    fn entries(&self) -> Vec<&str> {
        let schemas = || self.files.iter().filter(|(path, _)| path.ends_with(".xsd"));
        let targets: HashMap<&str, Vec<String>> = schemas()
            .map(|(path, file)| {
                let targets = directives(&file.text).into_iter().filter_map(|one| join(path, &one.location));
                (&**path, targets.filter(|target| **target != **path).collect())
            })
            .collect();
        let named: BTreeSet<&str> = targets.values().flatten().map(String::as_str).collect();
        let (roots, rest): (Vec<_>, Vec<_>) =
            schemas().map(|(path, _)| &**path).partition(|path| !named.contains(path));
        let mut reached = BTreeSet::new();
        let mut entries = Vec::new();
        for path in roots.into_iter().chain(rest) {
            if reached.contains(path) {
                continue;
            }
            entries.push(path);
            let mut next = vec![path];
            while let Some(path) = next.pop() {
                if reached.insert(path) {
                    next.extend(targets.get(path).into_iter().flatten().map(String::as_str));
                }
            }
        }
        entries
    }
}

fn no_root(schema: &Schema, root: &str) -> ResolveError {
    let names = || schema.roots().iter().map(|root| root.local.as_str());
    let message = format!("`{}` has no global element `{root}`", schema.path());
    let error = ResolveError::new(codes::CONTRACT_ROOT, message);
    match did_you_mean(root, names()) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => {
            let mut shown: Vec<String> = names().take(12).map(|name| format!("`{name}`")).collect();
            shown.extend(names().nth(12).map(|_| "…".to_owned()));
            match shown.is_empty() {
                true => error.hint("it has no global elements at all"),
                false => error.hint(format!("it has {}", shown.join(", "))),
            }
        }
    }
}

/// The pointers to what a JSON Schema defines by name.
fn definitions(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for place in ["$defs", "definitions"] {
        if let Some(Value::Object(members)) = source.value.get(place) {
            for name in members.keys() {
                let mut at = format!("/{place}");
                pointer::push(&mut at, name);
                found.push(at);
            }
        }
    }
    found
}

fn no_definition(source: &Source, path: &str, at: &str) -> ResolveError {
    let known = definitions(source);
    if !at.is_empty() && !at.starts_with('/') {
        let error = ResolveError::new(codes::CONTRACT_ROOT, format!("`#{at}` is no JSON Pointer into `{path}`"));
        let meant = known.iter().find(|known| known.rsplit('/').next() == Some(at));
        let meant = meant.cloned().unwrap_or_else(|| format!("/$defs/{at}"));
        return error.hint(format!("write `#{meant}`"));
    }
    let error = ResolveError::new(codes::CONTRACT_ROOT, format!("`{path}` has no schema at `{at}`"));
    match did_you_mean(at, known.iter().map(String::as_str)) {
        Some(meant) => error.hint(format!("did you mean `#{meant}`?")),
        None if known.is_empty() => error.hint("it has no `$defs`"),
        None => {
            let shown: Vec<String> = known.iter().take(12).map(|known| format!("`#{known}`")).collect();
            error.hint(format!("it has {}", shown.join(", ")))
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("files", &self.files.keys()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
