//! An XSD contract: the schema that validates, and the plans that convert.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::convert::{Instructions, to_json, to_xml};
use super::plan::{Error, Plan, Prefixes};
use super::vouch::vouches;
use super::xsd::Schema;
use crate::format::xml::{ExpandedName, Node, Tree, locate, read, write};
use crate::message::{Limits, Value, Violation, Violations};

/// A schema with the root element that a reference names, or any global element where it names none.
#[derive(Debug)]
pub(crate) struct XmlContract {
    schema: Arc<Schema>,
    root: Option<ExpandedName>,
    /// A plan serves one root element; compiled when first needed, or at once where the root is known.
    plans: Mutex<HashMap<ExpandedName, Arc<Plan>>>,
}

impl XmlContract {
    /// Compiles the plan of a root element; of every one where none is named, and then when it is needed.
    pub(crate) fn compile(schema: Arc<Schema>, root: Option<ExpandedName>) -> Result<Self, Error> {
        let contract = Self { schema, root, plans: Mutex::default() };
        if let Some(root) = &contract.root {
            contract.plan(root)?;
        }
        Ok(contract)
    }

    pub(crate) fn schema(&self) -> (&Schema, Option<&ExpandedName>) {
        (&self.schema, self.root.as_ref())
    }

    pub(crate) fn read(&self, body: &Bytes, limits: &Limits) -> Result<Value, Violations> {
        let tree = read(body, limits)?;
        let root = self.root.as_ref().or_else(|| root_of(&tree));
        let Some(root) = root else {
            return Err(Violation::new("cvc-elt.1", "", "the document has no root element").into());
        };
        // Whether the root element is known at all, the check tells better.
        let plan = self.plan(root);
        if !plan.as_ref().is_ok_and(|plan| vouches(plan, &tree)) {
            self.schema.check(&tree, self.root.as_ref(), Some(body))?;
        }
        let plan = plan.map_err(no_plan)?;
        to_json(&plan, &tree, Instructions::default(), limits).map_err(|refused| {
            let (line, column) = locate(body, refused.offset);
            refused.violation.at(line, column).into()
        })
    }

    pub(crate) fn write(&self, document: &Value, limits: &Limits) -> Result<Bytes, Violations> {
        let plan = match &self.root {
            Some(root) => self.plan(root),
            None => self.plan(self.root_named(document)?),
        };
        let plan = plan.map_err(no_plan)?;
        let tree = to_xml(&plan, document, limits)?;
        if !vouches(&plan, &tree) {
            self.schema.check(&tree, self.root.as_ref(), None)?;
        }
        Ok(write(&tree, limits)?.into())
    }

    /// The plan of the root element that the reference names.
    pub(crate) fn known_plan(&self) -> Option<Arc<Plan>> {
        self.plan(self.root.as_ref()?).ok()
    }

    fn plan(&self, root: &ExpandedName) -> Result<Arc<Plan>, Error> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(root) {
            return Ok(Arc::clone(plan));
        }
        let prefixes = Prefixes::of_documents(self.schema.texts());
        let compiled = self.schema.with_set(|set| Plan::compile(set, root, prefixes));
        let unloaded = |_| Error::Unresolved { kind: "schema", name: self.schema.path().to_owned() };
        let plan = Arc::new(compiled.map_err(unloaded)??);
        plans.insert(root.clone(), Arc::clone(&plan));
        Ok(plan)
    }

    /// The root element that a document's only member names.
    fn root_named(&self, document: &Value) -> Result<&ExpandedName, Violation> {
        let key = match document {
            Value::Object(members) if members.len() == 1 => members.keys().next(),
            _ => None,
        };
        let Some(key) = key else {
            let message = "the document is an object with one member, named like the root element";
            return Err(Violation::new("conversion-root", "", message));
        };
        let local = key.rsplit(':').next().unwrap_or_default();
        self.schema.roots().iter().find(|root| root.local == local).ok_or_else(|| {
            let message = format!("`{}` has no global element `{local}`", self.schema.path());
            Violation::new("conversion-root", "", message)
        })
    }
}

fn no_plan(error: Error) -> Violation {
    Violation::new("internal", "", error.to_string())
}

fn root_of(tree: &Tree) -> Option<&ExpandedName> {
    tree.nodes().iter().find_map(|node| match node {
        Node::Start(element) => Some(tree.name(element.name)),
        _ => None,
    })
}
