//! The JSON Schema (2020-12) of the JSON form of a contract's documents, derived from its plan.
//!
//! It describes exactly the shape that conversion gives: names, nesting, arrays, JSON types, which members must be
//! there, and the facets that both languages know. What only XSD can say (patterns, keys, digits) stays the
//! XSD's to check: every document that converts is valid here, not the other way round.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::translate;
use super::types::{
    ANY, Child, Complex, Content, Element, Elements, Kind, Order, Simple, Type, TypeIx, Whitespace, Wildcard,
};
use super::{Form, Plan};
use crate::message::{Members, Number, Text, Value};

/// The keyword of an outline that tells a pattern as the XSD has it, beside its translation.
pub(crate) const PATTERN: &str = "x-xsd-pattern";
/// Texts of which a translated pattern does not tell: with white space that XML Schema takes away, or with characters that
/// its classes may know.
const UNSURE: &str = r"^[ \t\n\r]|[ \t\n\r]$|[ ]{2}|[\t\n\r]|[^\x00-\x7F]";

/// The dialect that the schema is written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

impl Plan {
    /// The JSON Schema of the JSON form; `title` names the contract.
    pub fn json_schema(&self, title: &str) -> Value {
        self.derived(title, false)
    }

    /// The same, and with it what else the types say of texts, as far as it is simple to say: for [`PATTERN`], the
    /// lengths of texts and their patterns. A text that it refuses is refused by the XSD.
    pub(crate) fn outline(&self, title: &str) -> Value {
        self.derived(title, true)
    }

    fn derived(&self, title: &str, texts: bool) -> Value {
        let mut derive = Derive { plan: self, texts, wanted: Vec::new(), defined: BTreeSet::new() };
        let roots: Members =
            self.roots.iter().map(|root| (Text::from(self.local(root.name)), derive.element(root))).collect();
        let mut definitions = BTreeMap::new();
        while let Some(ix) = derive.wanted.pop() {
            if derive.defined.insert(ix) {
                let schema = derive.definition(ix);
                definitions.insert(self.definition_name(ix).to_string(), schema);
            }
        }
        object([
            ("$schema", DIALECT.into()),
            ("title", title.into()),
            ("type", "object".into()),
            ("minProperties", 1.into()),
            ("maxProperties", 1.into()),
            ("additionalProperties", false.into()),
            ("properties", Value::object(roots)),
            ("$defs", definitions.into_iter().map(|(name, schema)| (Text::from(name), schema)).collect()),
        ])
    }

    fn definition_name(&self, ix: TypeIx) -> Text {
        let name = match self.types.get(ix as usize) {
            Some(Type::Complex(complex)) => complex.name,
            _ => None,
        };
        name.map_or_else(|| Text::from(format!("type-{ix}")), |name| self.prefixed(name))
    }
}

struct Derive<'p> {
    plan: &'p Plan,
    /// Whether the lengths and patterns of texts are told.
    texts: bool,
    wanted: Vec<TypeIx>,
    defined: BTreeSet<TypeIx>,
}

impl Derive<'_> {
    /// What stands as the value of an element.
    fn element(&mut self, element: &Element) -> Value {
        let plan = self.plan;
        match plan.form(element.type_ix) {
            Form::Scalar(simple) => or_null(self.simple(simple), element.nillable),
            Form::Object(complex) if complex.is_any_type => Value::Bool(true),
            Form::Object(complex) => {
                let mut forms = Vec::new();
                if !complex.is_abstract {
                    forms.push(self.reference(element.type_ix));
                }
                let mut next = complex.derived.clone();
                while let Some(ix) = next.pop() {
                    let Some(Type::Complex(derived)) = plan.types.get(ix as usize) else { continue };
                    next.extend(&derived.derived);
                    if !derived.is_abstract {
                        let reference = self.reference(ix);
                        let named = object([("required", [Value::from("@xsi:type")].into_iter().collect())]);
                        forms.push(object([("allOf", [reference, named].into_iter().collect())]));
                    }
                }
                if element.nillable {
                    forms.push(nil(complex));
                }
                match <[Value; 1]>::try_from(forms) {
                    Ok([only]) => only,
                    Err(forms) => object([("anyOf", Value::array(forms))]),
                }
            }
        }
    }

    fn reference(&mut self, ix: TypeIx) -> Value {
        self.wanted.push(ix);
        let name = self.plan.definition_name(ix).replace('~', "~0").replace('/', "~1");
        object([("$ref", Text::from(format!("#/$defs/{name}")).into())])
    }

    fn definition(&mut self, ix: TypeIx) -> Value {
        let plan = self.plan;
        let Some(Type::Complex(complex)) = plan.types.get(ix as usize) else { return Value::Bool(true) };
        let mut properties = Members::default();
        let mut required = Vec::new();
        if complex.name.is_some() {
            let name = plan.definition_name(ix);
            properties.insert(Text::borrowed("@xsi:type"), object([("const", name.into())]));
        }
        for attribute in &complex.attributes {
            properties.insert(attribute.key.clone(), self.simple(plan.simple(attribute.simple)));
            if attribute.required {
                required.push(Value::from(attribute.key.clone()));
            }
        }
        match &complex.content {
            Content::Empty => {}
            Content::Simple(simple) => {
                properties.insert(Text::borrowed("#text"), self.simple(plan.simple(*simple)));
                required.push("#text".into());
            }
            Content::Elements(elements) => self.elements(elements, &mut properties, &mut required),
        }
        let mut schema = vec![("type", "object".into()), ("properties", Value::object(properties))];
        if !required.is_empty() {
            schema.push(("required", Value::array(required)));
        }
        if complex.any_attribute.is_some() {
            let text = object([("type", "string".into())]);
            schema.push(("patternProperties", object([("^@(Q\\{|[^:]+:)", text)])));
        }
        schema.push(("additionalProperties", false.into()));
        object(schema)
    }

    fn elements(&mut self, elements: &Elements, properties: &mut Members, required: &mut Vec<Value>) {
        let any = fragments(&elements.wildcards);
        let (key, mixed) = match elements.order {
            Order::Names { .. } => {
                for (child, at) in elements.children.iter().zip(0_u16..) {
                    properties.insert(child.key.clone(), self.child(child));
                    if elements.required.contains(&at) && at != ANY {
                        required.push(child.key.clone().into());
                    }
                }
                if let Some(fragment) = any {
                    properties.insert(Text::borrowed("#any"), array_of(fragment));
                }
                return;
            }
            Order::Sequence => ("#seq", false),
            Order::Mixed => ("#mixed", true),
        };
        let mut choices = Members::default();
        for child in &elements.children {
            choices.insert(child.key.clone(), self.element(&child.element));
        }
        choices.extend(any.map(|fragment| (Text::borrowed("#any"), fragment)));
        let one = object([
            ("type", "object".into()),
            ("minProperties", 1.into()),
            ("maxProperties", 1.into()),
            ("additionalProperties", false.into()),
            ("properties", Value::object(choices)),
        ]);
        let item = if mixed {
            let text = object([("type", "string".into())]);
            object([("anyOf", [text, one].into_iter().collect())])
        } else {
            one
        };
        properties.insert(Text::borrowed(key), array_of(item));
    }

    fn child(&mut self, child: &Child) -> Value {
        let value = self.element(&child.element);
        if child.repeated { array_of(value) } else { value }
    }

    fn simple(&self, simple: &Simple) -> Value {
        let facets = &simple.facets;
        let mut schema = Vec::new();
        match &simple.kind {
            Kind::String => {
                schema.push(("type", "string".into()));
                if let Some(values) = &facets.enumeration {
                    schema.push(("enum", values.iter().cloned().map(Value::from).collect()));
                }
                if self.texts {
                    schema.extend(rules_of_texts(simple));
                }
            }
            Kind::QName => schema.push(("type", "string".into())),
            Kind::Boolean { .. } => schema.push(("type", "boolean".into())),
            Kind::Integer | Kind::Decimal => {
                let kind = if simple.kind == Kind::Integer { "integer" } else { "number" };
                schema.push(("type", kind.into()));
                let mut bound =
                    |bound: &Option<(Text, bool)>, inclusive, exclusive| {
                        let number = bound.as_ref().and_then(|(text, closed)| Some((Number::parse(text)?, *closed)));
                        schema.extend(number.map(|(number, closed)| {
                            (if closed { inclusive } else { exclusive }, Value::Number(number))
                        }));
                    };
                bound(&facets.minimum, "minimum", "exclusiveMinimum");
                bound(&facets.maximum, "maximum", "exclusiveMaximum");
            }
            Kind::Double => {
                let special = ["INF", "-INF", "NaN"].into_iter().map(Value::from).collect();
                let number = object([("type", "number".into())]);
                schema.push(("anyOf", [number, object([("enum", special)])].into_iter().collect()));
            }
            Kind::List(item) => {
                schema.push(("type", "array".into()));
                schema.push(("items", self.simple(self.plan.simple(*item))));
                let mut length = |bound: Option<u64>, key| {
                    let number = bound.and_then(|length| i64::try_from(length).ok());
                    schema.extend(number.map(|length| (key, Value::from(length))));
                };
                length(facets.min_length, "minItems");
                length(facets.max_length, "maxItems");
            }
        }
        object(schema)
    }
}

/// The lengths and patterns of a type of texts.
fn rules_of_texts(simple: &Simple) -> Vec<(&'static str, Value)> {
    let facets = &simple.facets;
    let mut said = Vec::new();
    if simple.whitespace != Whitespace::Collapse {
        let number = |length: Option<u64>| length.and_then(|length| i64::try_from(length).ok()).map(Value::from);
        said.extend(number(facets.min_length).map(|least| ("minLength", least)));
        said.extend(number(facets.max_length).map(|most| ("maxLength", most)));
    }
    let pattern = |any: &Vec<String>| {
        let all: Option<Vec<String>> =
            any.iter().map(|pattern| Some(translate(pattern)?.as_str().to_owned())).collect();
        let pattern = Value::from(format!("{}|{UNSURE}", all?.join("|")).as_str());
        Some(object([("pattern", pattern), (PATTERN, any.join("|").as_str().into())]))
    };
    let patterns: Vec<Value> = facets.patterns.iter().filter_map(pattern).collect();
    said.extend((!patterns.is_empty()).then(|| ("allOf", Value::array(patterns))));
    said
}

/// What only a wildcard admits stands as text.
fn fragments(wildcards: &[Wildcard]) -> Option<Value> {
    (!wildcards.is_empty()).then(|| object([("type", "string".into())]))
}

/// The form of a nillable element that is nil: its attributes stay.
fn nil(complex: &Complex) -> Value {
    if !complex.has_attributes() {
        return object([("type", "null".into())]);
    }
    let text = object([("#text", object([("type", "null".into())]))]);
    let required = [Value::from("#text")].into_iter().collect();
    object([("type", "object".into()), ("properties", text), ("required", required)])
}

fn or_null(schema: Value, nillable: bool) -> Value {
    if !nillable {
        return schema;
    }
    let null = object([("type", "null".into())]);
    object([("anyOf", [schema, null].into_iter().collect())])
}

fn array_of(items: Value) -> Value {
    object([("type", "array".into()), ("items", items)])
}

fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    members.into_iter().map(|(key, value)| (Text::borrowed(key), value)).collect()
}
