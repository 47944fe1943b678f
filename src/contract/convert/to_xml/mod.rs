//! JSON to XML: values are put out in the order of the content model, with the contract's namespaces.

mod graft;
mod path;

use path::{Step, pointer};

use super::lexical;
use crate::contract::plan::types::{
    ANY, Complex, Content, Element as Declaration, Elements, Emit, Kind, NameIx, NamespaceIx, Order, Simple, TypeIx,
};
use crate::contract::plan::{Form, Plan};
use crate::diagnostic::did_you_mean;
use crate::format::xml::{Attribute, Binding, NameId, Tree, is_ncname};

use crate::message::{Limits, MAX_VIOLATIONS, Members, Text, Value, Violation, Violations};

/// Index of the namespace of `xsi:type` and `xsi:nil` in every plan.
const XSI_IX: NamespaceIx = 1;

/// The XML of a document in its JSON form.
pub fn to_xml(plan: &Plan, document: &Value, limits: &Limits) -> Result<Tree, Violations> {
    let mut writer = Writer {
        plan,
        limits,
        tree: Tree::default(),
        ids: vec![None; plan.names.len()],
        xsi: [None, None],
        used: vec![false; plan.namespaces.len()],
        path: Vec::new(),
        found: Vec::new(),
        base: 0,
        violations: Vec::new(),
    };
    writer.document(document);
    let Writer { mut tree, used, violations, .. } = writer;
    Violations::none_of(violations)?;
    let namespaces = plan.namespaces.iter().zip(0..).zip(used).filter(|(_, used)| *used);
    tree.bind_root(namespaces.filter(|((namespace, _), _)| namespace.prefix != "xml").map(|((namespace, ix), _)| {
        Binding {
            prefix: if plan.default_namespace == Some(ix) { Text::new() } else { namespace.prefix.clone() },
            uri: namespace.uri.clone(),
        }
    }));
    Ok(tree)
}

/// The values found for the children of one object: slot, place in the program, value, key.
type Found<'v> = (u16, u16, &'v Value, &'v str);

pub(super) struct Writer<'v> {
    pub(super) plan: &'v Plan,
    pub(super) limits: &'v Limits,
    pub(super) tree: Tree,
    ids: Vec<Option<NameId>>,
    xsi: [Option<NameId>; 2],
    pub(super) used: Vec<bool>,
    path: Vec<Step<'v>>,
    /// A stack: each object on the way has its part of it.
    found: Vec<Found<'v>>,
    /// Where the part of the innermost object begins.
    base: usize,
    violations: Vec<Violation>,
}

/// What stands on an element beside its content.
struct Start {
    name: NameIx,
    attributes: Vec<Attribute>,
}

impl<'v> Writer<'v> {
    pub(super) fn refuse(&mut self, rule: &'static str, message: impl Into<String>) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(Violation::new(rule, pointer(&self.path), message));
        }
    }

    fn refuse_key(&mut self, rule: &'static str, key: &'v str, message: impl Into<String>) {
        self.path.push(Step::Key(key));
        self.refuse(rule, message);
        self.path.pop();
    }

    fn is_full(&self) -> bool {
        self.violations.len() >= MAX_VIOLATIONS
    }

    /// Whether the innermost object has something for the slot.
    pub(super) fn holds(&self, slot: u16) -> bool {
        self.found.iter().skip(self.base).any(|(known, ..)| *known == slot)
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
            Some(root) => self.step(Step::Key(key), |writer| writer.element(root, value, 1)),
            None => self.refuse_key("unknown-key", key, format!("the root element is `{wanted}`")),
        }
    }

    fn step(&mut self, step: Step<'v>, inner: impl FnOnce(&mut Self)) {
        self.path.push(step);
        inner(self);
        self.path.pop();
    }

    fn element(&mut self, declared: &'v Declaration, value: &'v Value, depth: usize) {
        if depth > self.limits.depth {
            return self.refuse("depth", format!("elements nest more than {} levels deep", self.limits.depth));
        }
        let plan = self.plan;
        match (plan.form(declared.type_ix), value) {
            (Form::Scalar(_), Value::Null) => self.nil(declared, Vec::new(), Vec::new()),
            (Form::Scalar(simple), value) => self.scalar(declared, simple, value, Vec::new(), Vec::new()),
            (Form::Object(complex), Value::Null) if !complex.has_attributes() => {
                self.nil(declared, Vec::new(), Vec::new())
            }
            (Form::Object(_), Value::Object(members)) => self.object(declared, members, depth),
            (Form::Object(_), Value::Null) if declared.nillable => {
                self.refuse("object-expected", "an object is expected; for `xsi:nil` write `{\"#text\": null}`");
            }
            (Form::Object(_), Value::Null) => self.refuse("null-not-nillable", NOT_NILLABLE),
            (Form::Object(_), other) => {
                self.refuse("object-expected", format!("an object is expected, not {}", a(other)));
            }
        }
    }

    fn nil(&mut self, declared: &Declaration, mut attributes: Vec<Attribute>, bindings: Vec<Binding>) {
        if !declared.nillable {
            return self.refuse("null-not-nillable", NOT_NILLABLE);
        }
        attributes.push(self.xsi_attribute(1, Text::borrowed("true")));
        self.open(Start { name: declared.name, attributes }, bindings);
        self.tree.end();
    }

    fn scalar(
        &mut self,
        declared: &Declaration,
        simple: &Simple,
        value: &Value,
        attributes: Vec<Attribute>,
        mut bindings: Vec<Binding>,
    ) {
        let Some((text, more)) = self.lexical(simple, value) else { return };
        bindings.extend(more);
        if text.is_empty() && declared.default.as_ref().is_some_and(|default| !default.is_empty()) {
            let default = declared.default.clone().unwrap_or_default();
            return self.refuse(
                "empty-for-default",
                format!("an empty element of this name would mean its default, `{default}`"),
            );
        }
        self.open(Start { name: declared.name, attributes }, bindings);
        if !text.is_empty() {
            self.tree.text(text, 0);
        }
        self.tree.end();
    }

    /// The text of a value of a simple type, with the bindings that names in it need.
    fn lexical(&mut self, simple: &Simple, value: &Value) -> Option<(Text, Vec<Binding>)> {
        let plain = |text: Text| Some((text, Vec::new()));
        let found = match (&simple.kind, value) {
            (Kind::String, Value::String(text)) => {
                if let Some(bad) = lexical::bad_character(text) {
                    self.refuse("xml-character", format!("XML cannot carry the character U+{:04X}", u32::from(bad)));
                    return None;
                }
                plain(text.clone())
            }
            (Kind::QName, Value::String(text)) => match self.name_in_value(text) {
                Some((text, bindings)) => Some((text, bindings)),
                None => {
                    self.refuse(
                        "lexical-form",
                        format!("`{text}` is no name with a prefix of the contract, nor `Q{{uri}}name`"),
                    );
                    return None;
                }
            },
            (Kind::Boolean { yes, .. }, Value::Bool(true)) => plain(Text::borrowed(yes)),
            (Kind::Boolean { no, .. }, Value::Bool(false)) => plain(Text::borrowed(no)),
            (Kind::Integer, Value::Number(number)) => lexical::decimal_text(number, true).and_then(plain),
            (Kind::Decimal, Value::Number(number)) => lexical::decimal_text(number, false).and_then(plain),
            (Kind::Double, Value::Number(number)) => plain(number.to_text()),
            (Kind::Integer, Value::String(text)) => lexical::decimal(text, true).and_then(|_| plain(text.clone())),
            (Kind::Decimal, Value::String(text)) => lexical::decimal(text, false).and_then(|_| plain(text.clone())),
            (Kind::Double, Value::String(text)) => {
                let fits = lexical::is_special_double(text) || lexical::double(text).is_some();
                fits.then(|| (text.clone(), Vec::new()))
            }
            (Kind::List(item), Value::Array(items)) => return self.list(*item, items),
            _ => None,
        };
        if found.is_none() {
            let rule = match (&simple.kind, value) {
                (Kind::List(_), _) => "array-expected",
                (Kind::Boolean { .. }, _) => "boolean-expected",
                (Kind::Integer | Kind::Decimal | Kind::Double, Value::Number(_)) => "number-for-type",
                (Kind::Integer | Kind::Decimal | Kind::Double, Value::String(_)) => "lexical-form",
                (Kind::Integer | Kind::Decimal | Kind::Double, _) => "number-expected",
                (Kind::String | Kind::QName, _) => "string-expected",
            };
            let message = match (rule, value) {
                ("number-for-type", Value::Number(number)) if simple.kind == Kind::Integer => {
                    format!("{number} is not an integer")
                }
                ("number-for-type", Value::Number(number)) => format!("{number} has too many digits"),
                ("lexical-form", Value::String(text)) => format!("`{text}` is not {}", expected(&simple.kind)),
                _ => format!("{} is expected, not {}", expected(&simple.kind), a(value)),
            };
            self.refuse(rule, message);
        }
        found
    }

    fn list(&mut self, item: u32, items: &[Value]) -> Option<(Text, Vec<Binding>)> {
        let plan = self.plan;
        let simple = plan.simple(item);
        let mut joined = String::new();
        let mut bindings = Vec::new();
        for (at, value) in items.iter().enumerate() {
            self.path.push(Step::Index(at));
            let found = self.lexical(simple, value);
            let word = found.as_ref().is_none_or(|(text, _)| !text.is_empty() && !text.bytes().any(lexical::is_space));
            if !word {
                self.refuse("list-item", "an item of an `xs:list` must not be empty or hold white space");
            }
            self.path.pop();
            let (text, more) = found?;
            if at > 0 {
                joined.push(' ');
            }
            joined.push_str(&text);
            for one in more {
                if !bindings.contains(&one) {
                    bindings.push(one);
                }
            }
        }
        Some((Text::from(joined), bindings))
    }

    /// `p:name` with the contract's prefix, or `Q{uri}name` with a binding of its own.
    fn name_in_value(&mut self, text: &Text) -> Option<(Text, Vec<Binding>)> {
        let local_is_name = |local: &str| is_ncname(local);
        if let Some((uri, local)) = text.as_str().strip_prefix("Q{").and_then(|rest| rest.split_once('}')) {
            if !local_is_name(local) || uri.is_empty() || self.plan.namespace_of_uri(uri).is_some() {
                return None;
            }
            let binding = Binding { prefix: self.plan.free_prefix(), uri: Text::from(uri) };
            return Some((Text::from(format!("{}:{local}", binding.prefix)), vec![binding]));
        }
        match text.as_str().split_once(':') {
            None => local_is_name(text).then(|| (text.clone(), Vec::new())),
            Some((prefix, local)) => {
                let namespace = self.plan.namespace_of_prefix(prefix)?;
                self.mark(namespace);
                local_is_name(local).then(|| (text.clone(), Vec::new()))
            }
        }
    }

    fn object(&mut self, declared: &'v Declaration, members: &'v Members, depth: usize) {
        let plan = self.plan;
        let mut attributes = Vec::new();
        let mut type_ix = declared.type_ix;
        if let Some(written) = members.get("@xsi:type") {
            match self.xsi_type(written) {
                Some((ix, attribute)) => {
                    type_ix = ix;
                    attributes.push(attribute);
                }
                None => return,
            }
        }
        match plan.form(type_ix) {
            Form::Scalar(simple) => {
                for key in members.keys().filter(|key| *key != "#text" && *key != "@xsi:type") {
                    self.refuse_key("unknown-key", key, "only `#text` may stand beside this `@xsi:type`");
                }
                match members.get("#text") {
                    Some(Value::Null) => self.nil(declared, attributes, Vec::new()),
                    Some(value) => self.step(Step::Key("#text"), |writer| {
                        writer.scalar(declared, simple, value, attributes, Vec::new())
                    }),
                    None => self.refuse("missing-text", "`#text` is missing"),
                }
            }
            Form::Object(complex) if complex.is_abstract => {
                self.refuse(
                    "abstract-type",
                    "the element's type is abstract: `@xsi:type` must name a type derived from it",
                );
            }
            Form::Object(complex) => self.complex(declared, complex, members, attributes, depth),
        }
    }

    fn xsi_type(&mut self, value: &Value) -> Option<(TypeIx, Attribute)> {
        let plan = self.plan;
        let found = value.as_str().and_then(|text| {
            let name = plan.name_of_prefixed(text)?;
            Some((text, *plan.type_names.get(&name)?, name))
        });
        let Some((text, ix, name)) = found else {
            self.refuse_key("xsi-type", "@xsi:type", "this names no type that the contract admits, with its prefix");
            return None;
        };
        let namespace = plan.names.get(name as usize).map_or(0, |name| name.namespace);
        self.mark(namespace);
        let text = if plan.default_namespace == Some(namespace) && namespace != 0 {
            Text::from(plan.local(name))
        } else {
            Text::from(text)
        };
        Some((ix, self.xsi_attribute(0, text)))
    }

    fn complex(
        &mut self,
        declared: &'v Declaration,
        complex: &'v Complex,
        members: &'v Members,
        attributes: Vec<Attribute>,
        depth: usize,
    ) {
        let base = self.found.len();
        let outer = std::mem::replace(&mut self.base, base);
        self.complex_at(declared, complex, members, attributes, depth, base);
        self.found.truncate(base);
        self.base = outer;
    }

    fn complex_at(
        &mut self,
        declared: &'v Declaration,
        complex: &'v Complex,
        members: &'v Members,
        mut attributes: Vec<Attribute>,
        depth: usize,
        base: usize,
    ) {
        let nil = matches!(members.get("#text"), Some(Value::Null));
        let mut bindings = Vec::new();
        let mut sorted: Vec<(usize, Attribute)> = Vec::new();
        let mut hint = 0;
        let mut control = None;
        for (key, value) in members {
            if let Some(name) = key.as_str().strip_prefix('@') {
                if key != "@xsi:type" {
                    self.attribute(complex, key, name, value, &mut sorted, &mut bindings);
                }
            } else if key.starts_with('#') {
                match &complex.content {
                    _ if key == "#text" && nil => {}
                    Content::Simple(_) if key == "#text" => control = Some(value),
                    Content::Elements(Elements { order: Order::Sequence, .. }) if key == "#seq" => {
                        control = Some(value)
                    }
                    Content::Elements(Elements { order: Order::Mixed, .. }) if key == "#mixed" => control = Some(value),
                    Content::Elements(Elements { order: Order::Names { any_position, .. }, wildcards, .. })
                        if key == "#any" && !wildcards.is_empty() =>
                    {
                        self.found.push((ANY, *any_position, value, key));
                    }
                    content => self.unknown(key, complex, content),
                }
            } else {
                match &complex.content {
                    Content::Elements(elements @ Elements { order: Order::Names { .. }, .. }) => {
                        match elements.child_of_key(key, hint) {
                            Some((slot, child)) => {
                                hint = slot.saturating_add(1);
                                self.found.push((slot, child.position, value, key));
                            }
                            None => self.unknown(key, complex, &complex.content),
                        }
                    }
                    content => self.unknown(key, complex, content),
                }
            }
            if self.is_full() {
                return;
            }
        }
        self.required_attributes(complex, &sorted);
        sorted.sort_unstable_by(|a, b| {
            let name = |attribute: &Attribute| self.tree.name(attribute.name).local.clone();
            a.0.cmp(&b.0).then_with(|| name(&a.1).as_str().cmp(name(&b.1).as_str()))
        });
        attributes.extend(sorted.into_iter().map(|(_, attribute)| attribute));
        if nil {
            if self.found.len() > base {
                return self.refuse("nil-content", "`\"#text\": null` is `xsi:nil`: nothing else may stand beside it");
            }
            return self.nil(declared, attributes, bindings);
        }
        match &complex.content {
            Content::Empty => {
                self.open(Start { name: declared.name, attributes }, bindings);
                self.tree.end();
            }
            Content::Simple(simple) => match control {
                Some(value) => {
                    let simple = self.plan.simple(*simple);
                    self.path.push(Step::Key("#text"));
                    self.scalar(declared, simple, value, attributes, bindings);
                    self.path.pop();
                }
                None => self.refuse("missing-text", "`#text` is missing: the element's own value"),
            },
            Content::Elements(elements) => {
                self.open(Start { name: declared.name, attributes }, bindings);
                match &elements.order {
                    Order::Names { program, plain, .. } => {
                        self.required_elements(elements, base);
                        self.by_names(elements, program, *plain, base, depth);
                    }
                    Order::Sequence => self.in_sequence(elements, "#seq", control, depth),
                    Order::Mixed => self.in_sequence(elements, "#mixed", control, depth),
                }
                self.tree.end();
            }
        }
    }

    fn unknown(&mut self, key: &'v str, complex: &Complex, content: &Content) {
        let message = match content {
            Content::Elements(Elements { order: Order::Sequence, .. }) => {
                "the order of these elements matters: they stand in `#seq`, as `{\"#seq\": [{\"name\": …}, …]}`"
                    .to_owned()
            }
            Content::Elements(Elements { order: Order::Mixed, .. }) => {
                "text and elements stand in `#mixed`, as `{\"#mixed\": [\"text\", {\"name\": …}]}`".to_owned()
            }
            content => {
                let elements = match content {
                    Content::Elements(elements) => elements.children.as_slice(),
                    _ => &[],
                };
                let text = matches!(content, Content::Simple(_)).then_some("#text");
                let keys = elements.iter().map(|child| child.key.as_str());
                let keys = keys.chain(complex.attributes.iter().map(|attribute| attribute.key.as_str())).chain(text);
                match did_you_mean(key, keys) {
                    Some(meant) => format!("`{key}` is not declared here; did you mean `{meant}`?"),
                    None => format!("`{key}` is not declared here"),
                }
            }
        };
        self.refuse_key("unknown-key", key, message);
    }

    fn attribute(
        &mut self,
        complex: &'v Complex,
        key: &'v str,
        name: &'v str,
        value: &'v Value,
        sorted: &mut Vec<(usize, Attribute)>,
        bindings: &mut Vec<Binding>,
    ) {
        self.path.push(Step::Key(key));
        match complex.attribute_of_key(key) {
            Some((order, declared)) => {
                let simple = self.plan.simple(declared.simple);
                let (value, more) = self.lexical(simple, value).unwrap_or_default();
                bindings.extend(more);
                let (name, prefix) = self.name_of_attribute(declared.name);
                sorted.push((order, Attribute { name, prefix, value }));
            }
            None => self.any_attribute(complex, key, name, value, sorted, bindings),
        }
        self.path.pop();
    }

    fn any_attribute(
        &mut self,
        complex: &'v Complex,
        key: &'v str,
        name: &'v str,
        value: &'v Value,
        sorted: &mut Vec<(usize, Attribute)>,
        bindings: &mut Vec<Binding>,
    ) {
        let admitted =
            |uri: &str| complex.any_attribute.as_ref().is_some_and(|any| !any.strict && any.namespaces.admits(uri));
        let (uri, local, prefix) =
            if let Some((uri, local)) = name.strip_prefix("Q{").and_then(|rest| rest.split_once('}')) {
                let known = self.plan.namespace_of_uri(uri).is_some();
                let bound = bindings.iter().find(|binding| binding.uri == uri).map(|binding| binding.prefix.clone());
                let prefix = bound.unwrap_or_else(|| self.plan.free_prefix_after(bindings.len()));
                (if known { None } else { Some(Text::from(uri)) }, local, prefix)
            } else if let Some((prefix, local)) = name.split_once(':') {
                let namespace = self.plan.namespace_of_prefix(prefix).filter(|namespace| *namespace != XSI_IX);
                (namespace.map(|ix| self.plan.uri(ix).clone()), local, Text::from(prefix))
            } else {
                (Some(Text::new()), name, Text::new())
            };
        let Some(uri) = uri.filter(|uri| admitted(uri) && is_ncname(local)) else {
            let keys = complex.attributes.iter().map(|attribute| attribute.key.as_str());
            let message = match did_you_mean(key, keys) {
                Some(meant) => format!("`{key}` is not declared here; did you mean `{meant}`?"),
                None => format!("`{key}` is not declared here"),
            };
            return self.refuse("unknown-key", message);
        };
        let Value::String(value) = value else {
            return self.refuse("string-expected", format!("a string is expected, not {}", a(value)));
        };
        if let Some(bad) = lexical::bad_character(value) {
            return self.refuse("xml-character", format!("XML cannot carry the character U+{:04X}", u32::from(bad)));
        }
        match self.plan.namespace_of_uri(&uri) {
            Some(namespace) => self.mark(namespace),
            None if !bindings.iter().any(|binding| binding.uri == uri) => {
                bindings.push(Binding { prefix: prefix.clone(), uri: uri.clone() });
            }
            None => {}
        }
        let name = self.tree.intern(&uri, &Text::from(local));
        sorted.push((usize::MAX, Attribute { name, prefix, value: value.clone() }));
    }

    fn required_attributes(&mut self, complex: &Complex, found: &[(usize, Attribute)]) {
        for (order, attribute) in complex.attributes.iter().enumerate() {
            if attribute.required && !found.iter().any(|(known, _)| *known == order) && !self.is_full() {
                self.refuse("missing-attribute", format!("`{}` is missing", attribute.key));
            }
        }
    }

    fn required_elements(&mut self, elements: &Elements, base: usize) {
        let mut next = base;
        for slot in &elements.required {
            let here = |at: usize, found: &[Found<'_>]| found.get(at).is_some_and(|(known, ..)| known == slot);
            if here(next, &self.found) {
                next += 1;
                continue;
            }
            match self.found.iter().skip(base).position(|(known, ..)| known == slot) {
                Some(at) => next = base + at + 1,
                None => {
                    let key = elements.children.get(usize::from(*slot)).map_or("", |child| child.key.as_str());
                    self.refuse("missing-element", format!("`{key}` is missing"));
                }
            }
        }
    }

    fn by_names(&mut self, elements: &'v Elements, program: &'v [Emit], plain: bool, base: usize, depth: usize) {
        if plain {
            if let Some(own) = self.found.get_mut(base..) {
                own.sort_unstable_by_key(|(_, position, ..)| *position);
            }
            for at in base..self.found.len() {
                let Some((slot, _, value, key)) = self.found.get(at).copied() else { break };
                self.slot(elements, slot, key, value, 0, usize::MAX, depth);
            }
            return;
        }
        let mut cursors: Vec<(u16, usize)> = Vec::new();
        for emit in program {
            match emit {
                Emit::All(slot) => self.take(elements, *slot, usize::MAX, base, &mut cursors, depth),
                Emit::Take(slot, count) => self.take(elements, *slot, *count as usize, base, &mut cursors, depth),
                Emit::Loop(word) => {
                    while word.iter().any(|(slot, _)| self.left(elements, *slot, base, &cursors) > 0) && !self.is_full()
                    {
                        for (slot, count) in word {
                            self.take(elements, *slot, *count as usize, base, &mut cursors, depth);
                        }
                    }
                }
            }
        }
        for at in base..self.found.len() {
            let Some((slot, _, _, key)) = self.found.get(at).copied() else { break };
            if self.left(elements, slot, base, &cursors) > 0 {
                self.refuse_key("too-many", key, "there are more of these than the content model has places for");
            }
        }
    }

    fn held(&self, elements: &Elements, slot: u16, base: usize) -> Option<(usize, &'v Value, &'v str)> {
        let (_, _, value, key) = self.found.iter().skip(base).find(|(known, ..)| *known == slot)?;
        let repeated = slot == ANY || elements.children.get(usize::from(slot)).is_some_and(|child| child.repeated);
        Some(match value {
            Value::Array(items) if repeated => (items.len(), *value, *key),
            _ => (1, *value, *key),
        })
    }

    fn left(&self, elements: &Elements, slot: u16, base: usize, cursors: &[(u16, usize)]) -> usize {
        let done = cursors.iter().find(|(known, _)| *known == slot).map_or(0, |(_, done)| *done);
        self.held(elements, slot, base).map_or(0, |(held, ..)| held.saturating_sub(done))
    }

    fn take(
        &mut self,
        elements: &'v Elements,
        slot: u16,
        count: usize,
        base: usize,
        cursors: &mut Vec<(u16, usize)>,
        depth: usize,
    ) {
        let Some((held, value, key)) = self.held(elements, slot, base) else { return };
        let at = cursors.iter().position(|(known, _)| *known == slot).unwrap_or_else(|| {
            cursors.push((slot, 0));
            cursors.len() - 1
        });
        let Some((_, done)) = cursors.get_mut(at) else { return };
        let from = *done;
        *done = from.saturating_add(count).min(held);
        let count = *done - from;
        if count > 0 {
            self.slot(elements, slot, key, value, from, count, depth);
        }
    }

    /// Puts out some of what stands under one key.
    #[expect(clippy::too_many_arguments, reason = "a part of one key's values")]
    fn slot(
        &mut self,
        elements: &'v Elements,
        slot: u16,
        key: &'v str,
        value: &'v Value,
        from: usize,
        count: usize,
        depth: usize,
    ) {
        let child = elements.children.get(usize::from(slot));
        let repeated = child.is_none_or(|child| child.repeated);
        self.path.push(Step::Key(key));
        match (value, child) {
            (Value::Array(items), _) if repeated => {
                if items.is_empty() && elements.required.contains(&slot) {
                    self.refuse("missing-element", "at least one is needed");
                }
                for (at, item) in items.iter().enumerate().skip(from).take(count) {
                    self.path.push(Step::Index(at));
                    match child {
                        Some(child) => self.element(&child.element, item, depth + 1),
                        None => graft::graft(self, elements, item, depth),
                    }
                    self.path.pop();
                    if self.is_full() {
                        break;
                    }
                }
            }
            (_, Some(child)) if !repeated => self.element(&child.element, value, depth + 1),
            (other, _) => {
                self.refuse(
                    "array-expected",
                    format!("an array is expected, not {}: it may occur more than once", a(other)),
                );
            }
        }
        self.path.pop();
    }

    fn in_sequence(&mut self, elements: &'v Elements, key: &'static str, value: Option<&'v Value>, depth: usize) {
        let Some(value) = value else {
            for slot in &elements.required {
                let key = elements.children.get(usize::from(*slot)).map_or("", |child| child.key.as_str());
                self.refuse("missing-element", format!("`{key}` is missing"));
            }
            return;
        };
        self.path.push(Step::Key(key));
        let Value::Array(items) = value else {
            self.refuse("array-expected", format!("an array is expected, not {}", a(value)));
            self.path.pop();
            return;
        };
        let mut hint = 0;
        for (at, item) in items.iter().enumerate() {
            self.path.push(Step::Index(at));
            match item {
                Value::String(text) if key == "#mixed" => match lexical::bad_character(text) {
                    Some(bad) => {
                        self.refuse(
                            "xml-character",
                            format!("XML cannot carry the character U+{:04X}", u32::from(bad)),
                        );
                    }
                    None if text.is_empty() => {}
                    None => self.tree.text(text.clone(), 0),
                },
                Value::Object(members) if members.len() == 1 => {
                    for (key, value) in members.iter() {
                        self.path.push(Step::Key(key));
                        match elements.child_of_key(key, hint) {
                            Some((slot, child)) => {
                                hint = slot;
                                self.element(&child.element, value, depth + 1);
                            }
                            None if key == "#any" => graft::graft(self, elements, value, depth),
                            None => {
                                let keys = elements.children.iter().map(|child| child.key.as_str());
                                let message = match did_you_mean(key, keys) {
                                    Some(meant) => format!("`{key}` is not declared here; did you mean `{meant}`?"),
                                    None => format!("`{key}` is not declared here"),
                                };
                                self.refuse("unknown-key", message);
                            }
                        }
                        self.path.pop();
                    }
                }
                _ if key == "#mixed" => self.refuse("item-expected", "a string or an object with one key is expected"),
                _ => self.refuse("item-expected", "an object with one key is expected"),
            }
            self.path.pop();
            if self.is_full() {
                break;
            }
        }
        self.path.pop();
    }

    fn open(&mut self, start: Start, bindings: Vec<Binding>) {
        let (name, prefix) = self.name_of_element(start.name);
        self.tree.start(name, prefix, start.attributes, bindings, 0);
    }

    fn name_of_element(&mut self, ix: NameIx) -> (NameId, Text) {
        let namespace = self.plan.names.get(ix as usize).map_or(0, |name| name.namespace);
        let prefix = if self.plan.default_namespace == Some(namespace) { Text::new() } else { self.prefix(namespace) };
        self.mark(namespace);
        (self.name_id(ix), prefix)
    }

    fn name_of_attribute(&mut self, ix: NameIx) -> (NameId, Text) {
        let namespace = self.plan.names.get(ix as usize).map_or(0, |name| name.namespace);
        self.mark(namespace);
        (self.name_id(ix), self.prefix(namespace))
    }

    fn prefix(&self, namespace: NamespaceIx) -> Text {
        self.plan.namespaces.get(usize::from(namespace)).map_or_else(Text::new, |namespace| namespace.prefix.clone())
    }

    /// The root element is to declare the namespace.
    pub(super) fn mark(&mut self, namespace: NamespaceIx) {
        if namespace != 0
            && let Some(used) = self.used.get_mut(usize::from(namespace))
        {
            *used = true;
        }
    }

    fn name_id(&mut self, ix: NameIx) -> NameId {
        if let Some(Some(id)) = self.ids.get(ix as usize) {
            return *id;
        }
        let plan = self.plan;
        let id = match plan.names.get(ix as usize) {
            Some(name) => self.tree.intern(plan.uri(name.namespace), &name.local),
            None => self.tree.intern(&Text::new(), &Text::new()),
        };
        if let Some(slot) = self.ids.get_mut(ix as usize) {
            *slot = Some(id);
        }
        id
    }

    /// `xsi:type` (0) or `xsi:nil` (1).
    fn xsi_attribute(&mut self, which: usize, value: Text) -> Attribute {
        self.mark(XSI_IX);
        let known = self.xsi.get(which).copied().flatten();
        let name = known.unwrap_or_else(|| {
            let local = Text::borrowed(if which == 0 { "type" } else { "nil" });
            self.tree.intern(self.plan.uri(XSI_IX), &local)
        });
        if let Some(slot) = self.xsi.get_mut(which) {
            *slot = Some(name);
        }
        Attribute { name, prefix: self.prefix(XSI_IX), value }
    }
}

const NOT_NILLABLE: &str = "null is not allowed here: the element is not nillable";

fn a(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::String | Kind::QName => "a string",
        Kind::Integer => "an integer",
        Kind::Decimal => "a decimal",
        Kind::Double => "a number",
        Kind::Boolean { .. } => "a boolean",
        Kind::List(_) => "an array",
    }
}
