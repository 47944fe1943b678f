//! The contracts of a project, compiled when first asked for.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Files;
use super::contract::Contract;
use super::place::join;
use super::reference::{self, Target, target};
use super::resolve::ResolveError;
use super::xsd::{Schema, directives};
use crate::diagnostic::{Diagnostic, codes, did_you_mean};

/// The contracts of a project, compiled when first resolved.
pub struct Registry {
    files: Arc<Files>,
    schemas: Mutex<HashMap<String, Result<Arc<Schema>, Vec<Diagnostic>>>>,
    contracts: Mutex<HashMap<String, Arc<Contract>>>,
}

impl Registry {
    /// A registry over these files.
    pub fn new(files: Files) -> Self {
        Self { files: Arc::new(files), schemas: Mutex::default(), contracts: Mutex::default() }
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
        let schema = self.schema(name, &target.path)?;
        Ok(schema.roots().iter().map(|root| root.local.to_string()).collect())
    }

    /// Compiles every file, also those that nobody refers to, and gives what is wrong in them.
    pub fn check(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for path in self.entries() {
            if let Err(diagnostics) = self.load(path) {
                found.extend(diagnostics);
            }
        }
        found.sort_by(|a, b| (&a.file.path, a.span.start, a.code).cmp(&(&b.file.path, b.span.start, b.code)));
        found.dedup();
        found
    }

    fn compile(&self, reference: &str, target: &Target<'_>) -> Result<Contract, ResolveError> {
        let schema = self.schema(reference, &target.path)?;
        if target.root.is_empty() {
            return Ok(Contract::xsd(reference, schema, None));
        }
        match schema.roots().iter().find(|root| root.local == target.root) {
            Some(root) => {
                let root = root.clone();
                Ok(Contract::xsd(reference, schema, Some(root)))
            }
            None => Err(no_root(&schema, target.root)),
        }
    }

    fn schema(&self, reference: &str, path: &str) -> Result<Arc<Schema>, ResolveError> {
        self.load(path).map_err(|diagnostics| ResolveError::files(reference, diagnostics))
    }

    fn load(&self, path: &str) -> Result<Arc<Schema>, Vec<Diagnostic>> {
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

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("files", &self.files.keys()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
