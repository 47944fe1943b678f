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

use attributes::Place;
use path::{Step, pointer};

use crate::contract::plan::Plan;
use crate::contract::plan::types::NameIx;
use crate::format::xml::{Attribute, Binding, NameId, Tree};
use crate::message::{Limits, MAX_VIOLATIONS, Text, Value, Violation, Violations};

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
    /// The tree's names by the plan's.
    ids: Vec<Option<NameId>>,
    /// `xsi:type` and `xsi:nil`
    xsi: [Option<NameId>; 2],
    /// The namespaces that the root element is to declare.
    used: Vec<bool>,
    path: Vec<Step<'v>>,
    /// The attributes of the element that starts next.
    attributes: Vec<(Place, Attribute)>,
    /// The namespaces that it declares beside the contract's.
    bindings: Vec<Binding>,
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
            tree: Tree::default(),
            ids: vec![None; plan.names.len()],
            xsi: [None, None],
            used: vec![false; plan.namespaces.len()],
            path: Vec::new(),
            attributes: Vec::new(),
            bindings: Vec::new(),
            found: Vec::new(),
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
        let Self { plan, mut tree, used, violations, .. } = self;
        Violations::none_of(violations)?;
        let namespaces = plan.namespaces.iter().zip(0..).zip(used).filter(|(_, used)| *used);
        let declared = namespaces.filter(|((namespace, _), _)| namespace.prefix != "xml");
        tree.bind_root(declared.map(|((namespace, ix), _)| Binding {
            prefix: if plan.default_namespace == Some(ix) { Text::new() } else { namespace.prefix.clone() },
            uri: namespace.uri.clone(),
        }));
        Ok(tree)
    }

    /// Starts an element with the attributes and bindings that wait for it.
    fn open(&mut self, name: NameIx) {
        let (name, prefix) = self.name_of_element(name);
        let attributes = self.attributes.drain(..).map(|(_, attribute)| attribute);
        self.tree.start(name, prefix, attributes, self.bindings.drain(..), 0);
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
