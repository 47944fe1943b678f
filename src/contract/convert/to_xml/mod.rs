//! JSON to XML: values are put out in the order of the content model, with the contract's namespaces.

mod attributes;
mod children;
mod element;
mod graft;
mod members;
mod names;
mod path;
mod sequence;
mod turns;
mod value;

use std::sync::Arc;

use attributes::Place;
use path::{Step, pointer};
use value::Lexical;

use crate::contract::plan::Plan;
use crate::contract::plan::types::NameIx;
use crate::format::xml::{Binding, Tree};
use crate::message::{Limits, MAX_VIOLATIONS, Text, Value, Violation, Violations};

/// Room for the nodes of a message as most are.
const NODES: usize = 256;

/// The XML of a document in its JSON form.
pub fn to_xml(plan: &Plan, document: &Value, limits: &Limits) -> Result<Tree, Violations> {
    let mut writer = Writer::new(plan, limits);
    writer.document(document);
    writer.finish()
}

/// What an object has for one child of its content model.
#[derive(Clone, Copy)]
struct Found<'v> {
    slot: u16,
    /// The slot's place in a plain program.
    position: u16,
    key: &'v str,
    value: &'v Value,
}

struct Writer<'v> {
    plan: &'v Plan,
    limits: &'v Limits,
    tree: Tree,
    /// The plan's namespaces that the root element is to declare.
    needed: Vec<bool>,
    path: Vec<Step<'v>>,
    /// The places of the attributes of the element that starts next.
    places: Vec<Place>,
    /// A stack: each object on the way has its part of it.
    found: Vec<Found<'v>>,
    /// Where the part of the innermost object begins.
    base: usize,
    violations: Vec<Violation>,
}

impl<'v> Writer<'v> {
    fn new(plan: &'v Plan, limits: &'v Limits) -> Self {
        Self {
            plan,
            limits,
            tree: Tree::of_names(Arc::clone(plan.shared()), NODES),
            needed: vec![false; plan.namespaces.len()],
            path: Vec::with_capacity(16),
            places: Vec::with_capacity(8),
            found: Vec::with_capacity(32),
            base: 0,
            violations: Vec::new(),
        }
    }

    fn document(&mut self, document: &'v Value) {
        let plan = self.plan;
        let wanted = plan.roots.first().map_or("", |root| plan.local(root.name));
        let Value::Object(members) = document else {
            return self.refuse("object-expected", format!("an object with the one key `{wanted}` is expected"));
        };
        let mut members = members.iter();
        let (Some((key, value)), None) = (members.next(), members.next()) else {
            return self.refuse("root-element", format!("the one key `{wanted}` is expected, for the root element"));
        };
        match plan.roots.iter().find(|root| *key == plan.local(root.name)) {
            Some(root) => self.step(Step::Key(key), |writer| writer.element(root, value)),
            None => self.refuse_key("unknown-key", key, format!("the root element is `{wanted}`")),
        }
    }

    /// The tree, with the namespaces that turned out to be needed.
    fn finish(self) -> Result<Tree, Violations> {
        let Self { plan, mut tree, needed, violations, .. } = self;
        Violations::none_of(violations)?;
        let namespaces = plan.namespaces.iter().zip(0..).zip(needed).skip(1);
        let declared = namespaces.filter(|((namespace, _), needed)| *needed && namespace.prefix != "xml");
        tree.bind_root(declared.map(|((namespace, ix), _)| Binding {
            prefix: if plan.default_namespace == Some(ix) { Text::new() } else { namespace.prefix.clone() },
            uri: namespace.uri.clone(),
        }));
        Ok(tree)
    }

    /// Writes an element that holds no other.
    fn leaf(&mut self, name: NameIx, Lexical { text, plain }: Lexical) {
        let (name, prefix) = self.name_of_element(name);
        self.tree.leaf(name, prefix, text, plain);
    }

    fn open(&mut self, name: NameIx) {
        let (name, prefix) = self.name_of_element(name);
        self.tree.start(name, prefix, 0);
    }

    fn step(&mut self, step: Step<'v>, inner: impl FnOnce(&mut Self)) {
        self.path.push(step);
        inner(self);
        self.path.pop();
    }

    /// The walk goes on after a refusal, to find more; what it has written then is dropped.
    fn refuse(&mut self, rule: &'static str, message: impl Into<String>) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(Violation::new(rule, pointer(&self.path), message));
        }
    }

    fn refuse_key(&mut self, rule: &'static str, key: &'v str, message: impl Into<String>) {
        self.step(Step::Key(key), |writer| writer.refuse(rule, message));
    }

    fn is_full(&self) -> bool {
        self.violations.len() >= MAX_VIOLATIONS
    }
}
