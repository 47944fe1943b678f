//! Validates an XML tree by pushing it through the engine, element by element.
//!
//! A valid document is walked once. An invalid one is walked a second time, slowly, asking the engine at every step
//! what it expects, so that the violations can say so.

use std::cell::RefCell;

use xsd_schema::namespace::NamespaceContextSnapshot;
use xsd_schema::validation::{ValidationError, ValidationRuntime, ValidationSink, ValidationWarning};

use super::engine::Engine;
use super::names::{MAX_UNKNOWN, Names};
use super::report::{Report, wrong_root};
use super::scope::Scope;
use crate::format::xml::{Element, ExpandedName, Node, Tree};
use crate::message::{Text, Violation};

/// The namespace of `xsi:type` and `xsi:nil`.
pub(crate) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A violation with the byte offset, in the decoded body, of the element that it is about.
pub(crate) type Found = (Violation, u32);

/// What the root element must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Root<'a> {
    /// This element.
    Only(&'a ExpandedName),
    /// One of these.
    AnyOf(&'a [ExpandedName]),
}

/// The first violations of a document, in document order; none if it is valid.
pub(crate) fn validate(engine: &Engine, tree: &Tree, root: Root<'_>) -> Vec<Found> {
    if let Some(found) = wrong_root(tree, root) {
        return vec![found];
    }
    let names = Names::of(tree, engine.names(), engine.stand_ins());
    let walk = Walk { engine, tree, names: &names };
    if walk.is_valid() {
        return Vec::new();
    }
    walk.report()
}

/// Keeps what the engine reports, up to a bound.
struct Errors<'a>(&'a RefCell<Vec<ValidationError>>);

/// The engine reports an error for each child of an unexpected element: beyond this many at one step none matters.
const MAX_ERRORS: usize = 64;

impl ValidationSink for Errors<'_> {
    fn on_error(&mut self, error: ValidationError) {
        let mut errors = self.0.borrow_mut();
        if errors.len() < MAX_ERRORS {
            errors.push(error);
        }
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

struct Walk<'a> {
    engine: &'a Engine,
    tree: &'a Tree,
    names: &'a Names<'a>,
}

impl<'a> Walk<'a> {
    fn is_valid(&self) -> bool {
        let errors = RefCell::new(Vec::new());
        let mut runtime = self.engine.validator().start_run(Errors(&errors));
        let mut scope = Scope::new(self.tree, self.engine);
        for node in self.tree.nodes() {
            match node {
                Node::Start(element) => {
                    scope.enter(element);
                    let start = self.start(element, &scope);
                    let (namespace, local) = self.names.element(element.name);
                    let (xsi_type, nil) = (start.xsi_type.as_deref(), start.nil.as_deref());
                    runtime.validate_element_by_id_novalue(local, namespace, xsi_type, nil, &start.bindings);
                    if !self.attributes(&mut runtime, element) {
                        return false;
                    }
                    runtime.validate_end_of_attributes_novalue();
                }
                Node::Text { text, .. } => push_text(&mut runtime, text),
                Node::Instruction { .. } => {}
                Node::End => {
                    scope.leave();
                    runtime.validate_end_element_novalue();
                }
            }
            if !errors.borrow().is_empty() {
                return false;
            }
        }
        runtime.end_validation().is_ok() && errors.borrow().is_empty()
    }

    fn report(&self) -> Vec<Found> {
        let errors = RefCell::new(Vec::new());
        let mut runtime = self.engine.validator().start_run(Errors(&errors));
        let mut scope = Scope::new(self.tree, self.engine);
        let mut report = Report::new(self.engine, self.tree, self.names);
        for (at, node) in self.tree.nodes().iter().enumerate() {
            match node {
                Node::Start(element) => {
                    scope.enter(element);
                    let start = self.start(element, &scope);
                    let (namespace, local) = self.names.element(element.name);
                    let (xsi_type, nil) = (start.xsi_type.as_deref(), start.nil.as_deref());
                    report.expect_elements(runtime.get_expected_elements());
                    let info = runtime.validate_element_by_id(local, namespace, xsi_type, nil, &start.bindings);
                    report.enter(at, &info);
                    report.expect_attributes(runtime.get_expected_attributes());
                    if !self.attributes(&mut runtime, element) {
                        report.too_many_unknown(at);
                        return report.finish();
                    }
                    runtime.validate_end_of_attributes_novalue();
                    report.take(&errors);
                }
                Node::Text { text, .. } => {
                    push_text(&mut runtime, text);
                    report.take(&errors);
                }
                Node::Instruction { .. } => {}
                Node::End => {
                    scope.leave();
                    report.expect_elements(runtime.get_expected_elements());
                    runtime.validate_end_element_novalue();
                    report.take(&errors);
                    report.leave();
                }
            }
            if report.is_full() {
                return report.finish();
            }
        }
        if let Err(error) = runtime.end_validation() {
            errors.borrow_mut().push(error);
        }
        report.take(&errors);
        report.finish()
    }

    /// What an element's start carries in attributes of `xsi`.
    fn start(&self, element: &Element, scope: &Scope<'_>) -> Start {
        let mut start = Start { xsi_type: None, nil: None, bindings: scope.snapshot() };
        for attribute in self.tree.attributes(element) {
            let name = self.tree.name(attribute.name);
            if name.namespace != XSI {
                continue;
            }
            match name.local.as_str() {
                "type" => {
                    let (value, binding) = scope.xsi_type(&attribute.value, self.names);
                    start.xsi_type = Some(value);
                    start.bindings.bindings.extend(binding);
                }
                // An `xs:boolean`: white space at its ends means nothing, which the engine does not know.
                "nil" => start.nil = Some(Text::from(attribute.value.as_str().trim_matches([' ', '\t', '\n', '\r']))),
                _ => {}
            }
        }
        start
    }

    /// Pushes the attributes of an element. `false` if too many of them are unknown to the schema.
    fn attributes(&self, runtime: &mut ValidationRuntime<'_, Errors<'_>>, element: &Element) -> bool {
        let mut unknown = 0;
        for attribute in self.tree.attributes(element) {
            if unknown == MAX_UNKNOWN {
                return false;
            }
            if let Some((namespace, local)) = self.names.name(attribute.name, unknown) {
                runtime.validate_attribute_by_id(local, namespace, &attribute.value);
            }
            unknown += usize::from(self.names.is_unknown(attribute.name));
        }
        true
    }
}

struct Start {
    xsi_type: Option<String>,
    nil: Option<Text>,
    bindings: NamespaceContextSnapshot,
}

fn push_text(runtime: &mut ValidationRuntime<'_, Errors<'_>>, text: &str) {
    if text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        runtime.validate_whitespace(text);
    } else {
        runtime.validate_text(text);
    }
}
