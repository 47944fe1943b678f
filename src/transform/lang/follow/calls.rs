//! Functions over shapes: what they take, and what they give.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::super::node::{Node, RegexOp, Special};
use super::env::Env;
use super::lazy::Lazy;
use super::scalars::{Numbers, Texts};
use super::shape::{Field, List, Object, Shape};
use super::walk::{Outs, Walk};
use super::{Finding, words};
use crate::diagnostic::codes;
use crate::message::{Text, Value};

impl<'p> Walk<'p> {
    pub(super) fn native(
        &mut self,
        node: &'p Node,
        name: &str,
        args: &'p [Node],
        env: &Rc<Env<'p>>,
        input: &Shape,
    ) -> Outs {
        let given: Vec<Shape> = args.iter().map(|arg| self.node(arg, env, input).shape).collect();
        if given.iter().any(Shape::is_never) {
            return Outs::maybe(Shape::default());
        }
        if name == "has" {
            return self.has(node, input, given.first());
        }
        let takes = takes(name);
        let fits = takes.is_none_or(|takes| input.types().iter().any(|own| takes.contains(own)));
        let wrong = (!fits && self.guarded == 0).then(|| {
            let takes = takes.unwrap_or_default().join(" or ");
            let message = format!("`{name}` takes a value of type {takes}, and gets {}", words::types(input));
            let hint = match takes.as_str() {
                "string" => "make it text first, with `tostring`",
                "number" => "make it a number first, with `tonumber`",
                _ => "go into the value first, or leave the function out",
            };
            self.finding(node, codes::MAPPING_TYPE, message, hint)
        });
        if !fits {
            return Outs::maybe(self.seen(node, wrong, Shape::default()));
        }
        self.saw(node, 0, None);
        let always = args.is_empty() && takes.is_none_or(|takes| input.types().iter().all(|own| takes.contains(own)));
        Outs { shape: gives(name, input), sure: always && NEVER_FAIL.contains(&name) }
    }

    fn has(&mut self, node: &'p Node, input: &Shape, key: Option<&Shape>) -> Outs {
        let only = key.and_then(|key| key.text.as_ref()).and_then(Texts::only);
        let (Some(key), Some(object)) = (only, &input.object) else { return Outs::maybe(Shape::truth()) };
        let Some((_, certain)) = object.get(key) else {
            let (message, hint) = Self::absent(key, input);
            let finding = self.finding(node, codes::MAPPING_PATH, message, &hint);
            self.saw(node, 0, Some(finding));
            return Outs::maybe(Shape::truth());
        };
        self.saw(node, 0, None);
        let alone = input.types().len() == 1;
        Outs { shape: if certain { Shape::one_truth(true) } else { Shape::truth() }, sure: alone }
    }

    pub(super) fn special(
        &mut self,
        node: &'p Node,
        special: Special,
        args: &'p [Node],
        env: &Rc<Env<'p>>,
        input: &Shape,
    ) -> Outs {
        let items = || input.list.as_ref().map_or(Lazy::Never, |list| list.items.clone());
        match (special, args) {
            (Special::First | Special::Last, [filter]) => {
                let outs = self.node(filter, env, input);
                Outs { shape: outs.shape.weak(), ..outs }
            }
            (Special::Limit | Special::Skip, [count, filter]) => {
                self.node(count, env, input);
                Outs::maybe(self.node(filter, env, input).shape.weak())
            }
            (Special::Range, bounds) => {
                let all: Vec<Shape> = bounds.iter().map(|bound| self.node(bound, env, input).shape).collect();
                let whole = all.iter().all(|bound| bound.number.as_ref().is_some_and(|numbers| !numbers.broken));
                Outs::maybe(if whole { Shape::whole() } else { Shape::number() })
            }
            (Special::IsEmpty, [filter]) => {
                self.node(filter, env, input);
                Outs::maybe(Shape::truth())
            }
            (Special::Any | Special::All, [generator, condition]) => {
                let each = self.node(generator, env, input);
                self.node(condition, env, &each.shape);
                Outs::maybe(Shape::truth())
            }
            (Special::SortBy | Special::UniqueBy | Special::GroupBy | Special::MinBy | Special::MaxBy, [filter]) => {
                let wrong = (input.list.is_none() && self.guarded == 0).then(|| {
                    let message = format!("this orders the items of an array, and gets {}", words::types(input));
                    self.finding(
                        node,
                        codes::MAPPING_TYPE,
                        message,
                        "name the array first, as in `.items | sort_by(.id)`",
                    )
                });
                let never = self.seen(node, wrong, Shape::default());
                let Some(List { filled, at, .. }) = input.list else { return Outs::maybe(never) };
                self.node(filter, env, &items().look());
                Outs::maybe(match special {
                    Special::SortBy | Special::UniqueBy => Shape::list(items(), filled, at),
                    Special::GroupBy => Shape::list(Lazy::of(Shape::list(items(), true, at)), filled, at),
                    _ if filled => items().look().weak(),
                    _ => items().look().weak().or_null(),
                })
            }
            (Special::Del, [path]) => {
                self.node(path, env, input);
                Outs::maybe(self.deleted(path, input))
            }
            (Special::Path, [filter]) => {
                self.node(filter, env, input);
                Outs::maybe(Shape::list(Lazy::Any, false, None))
            }
            (Special::Error, _) => {
                for message in args {
                    self.node(message, env, input);
                }
                Outs::maybe(Shape::default())
            }
            (Special::GetPath, [path]) => {
                self.node(path, env, input);
                Outs::maybe(Shape::anything())
            }
            (Special::Combinations, []) => Outs::maybe(Shape::list(Lazy::Any, false, None)),
            _ => Outs::maybe(Shape::anything()),
        }
    }

    pub(super) fn regex(
        &mut self,
        node: &'p Node,
        op: RegexOp,
        with: Option<&'p Node>,
        env: &Rc<Env<'p>>,
        input: &Shape,
    ) -> Outs {
        let wrong = (input.text.is_none() && self.guarded == 0).then(|| {
            let message = format!("a regular expression is matched against a string, and gets {}", words::types(input));
            self.finding(node, codes::MAPPING_TYPE, message, "make it text first, with `tostring`")
        });
        let never = self.seen(node, wrong, Shape::default());
        if input.text.is_none() {
            return Outs::maybe(never);
        }
        let open = || Shape::object(Object { rest: Some(Lazy::of(Shape::text().or_null())), ..Object::default() });
        if let Some(with) = with {
            self.node(with, env, &open());
        }
        Outs::maybe(match op {
            RegexOp::Test => Shape::truth(),
            RegexOp::Match | RegexOp::Scan => Shape::anything(),
            RegexOp::Capture => open(),
            RegexOp::Split => Shape::list(Lazy::of(Shape::text()), true, None),
            RegexOp::Splits | RegexOp::Sub => Shape::text(),
        })
    }

    /// What a table may give; the keys that it lacks are a failure at run time.
    pub(super) fn table(
        &mut self,
        node: &'p Node,
        name: &str,
        table: &Arc<BTreeMap<Text, Value>>,
        input: &Shape,
    ) -> Outs {
        let mut reached: Vec<&Value> = table.values().collect();
        let mut wrong: Option<(String, bool)> = None;
        if let Some(Texts::OneOf(keys)) = &input.text
            && input.types() == ["string"]
        {
            reached = keys.keys().filter_map(|key| table.get(key)).collect();
            let missing: Vec<&str> =
                keys.keys().filter(|key| !table.contains_key(*key)).map(|key| key.as_str()).collect();
            if !missing.is_empty() {
                let missing: Vec<String> = missing.iter().map(|key| format!("\"{key}\"")).collect();
                wrong = Some((format!("table `{name}` has no key {}", missing.join(", ")), reached.is_empty()));
            }
        } else if input.text.is_none() && input.number.is_none() && !input.yes && !input.no {
            let message = format!("the key of table `{name}` is a string, and here it is {}", words::types(input));
            (reached, wrong) = (Vec::new(), Some((message, true)));
        }
        let finding = wrong.filter(|_| self.guarded == 0).map(|(message, certain)| Finding {
            certain,
            ..self.finding(node, codes::MAPPING_TYPE, message, "add what is missing to the table, or change the key")
        });
        let found = reached.into_iter().map(|value| Shape::exactly(value, node.span)).reduce(Shape::join);
        Outs::maybe(self.seen(node, finding, found.unwrap_or_default()))
    }
}

/// Functions that do not fail on what they take.
const NEVER_FAIL: [&str; 17] = [
    "length",
    "utf8bytelength",
    "type",
    "tostring",
    "tojson",
    "keys",
    "keys_unsorted",
    "sort",
    "to_entries",
    "trim",
    "ltrim",
    "rtrim",
    "ascii_downcase",
    "ascii_upcase",
    "explode",
    "floor",
    "ceil",
];

/// The types that a function takes; nothing if it takes them all, or that is not simple to say.
fn takes(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "utf8bytelength" | "fromjson" | "startswith" | "endswith" | "trim" | "ltrim" | "rtrim" | "ascii_downcase"
        | "ascii_upcase" | "explode" | "split" | "fromdateiso8601" | "strptime" => &["string"],
        "floor" | "ceil" | "round" | "trunc" | "rint" | "decimal" | "fabs" | "sqrt" | "cbrt" | "exp" | "log" => {
            &["number"]
        }
        "tonumber" => &["number", "string"],
        "toboolean" => &["boolean", "string"],
        "keys" | "keys_unsorted" | "to_entries" | "add" | "flatten" => &["array", "object"],
        "sort" | "transpose" | "bsearch" | "from_entries" | "implode" | "join" => &["array"],
        "length" => &["null", "number", "string", "array", "object"],
        _ => return None,
    })
}

/// What a function of values gives for an input that it takes.
fn gives(name: &str, input: &Shape) -> Shape {
    let items = || input.list.as_ref().map_or(Lazy::Never, |list| list.items.clone());
    let filled = input.list.as_ref().is_some_and(|list| list.filled);
    let texts = || Shape::list(Lazy::of(Shape::text()), false, None);
    match name {
        "length" => {
            let counted = input.null || input.text.is_some() || input.list.is_some() || input.object.is_some();
            let counted = if counted { Shape::whole() } else { Shape::default() };
            counted.join(Shape { number: input.number.as_ref().map(Numbers::kind), ..Shape::default() })
        }
        "utf8bytelength" | "floor" | "ceil" | "round" | "trunc" | "rint" | "bsearch" => Shape::whole(),
        "type" => Shape::one_of(input.types().into_iter().map(Text::borrowed), None),
        "tostring" if input.types() == ["string"] => input.clone(),
        "tostring" | "tojson" | "trim" | "ltrim" | "rtrim" | "ascii_downcase" | "ascii_upcase" | "implode" | "join"
        | "todateiso8601" | "strftime" => Shape::text(),
        "tonumber" => match (&input.text, input.number.clone()) {
            (None, number) => Shape { number, ..Shape::default() },
            _ => Shape::number(),
        },
        "toboolean" => match &input.text {
            None => Shape { yes: input.yes, no: input.no, ..Shape::default() },
            Some(_) => Shape::truth(),
        },
        "keys" | "keys_unsorted" => {
            let names = input.object.as_ref().map_or_else(Shape::default, |object| match object.names() {
                Some(names) => Shape::one_of(names.cloned(), None),
                None => Shape::text(),
            });
            let indices = if input.list.is_some() { Shape::whole() } else { Shape::default() };
            Shape::list(Lazy::of(names.join(indices)), false, None)
        }
        "contains" | "startswith" | "endswith" => Shape::truth(),
        "sort" => Shape::list(items(), filled, input.list.as_ref().and_then(|list| list.at)),
        "reverse" => {
            let list = input.list.as_ref().map(|list| Shape::list(items(), filled, list.at));
            let text = if input.text.is_some() { Shape::text() } else { Shape::default() };
            let none = if input.null { Shape::list(Lazy::Never, false, None) } else { Shape::default() };
            list.unwrap_or_default().join(text).join(none)
        }
        "add" => sum(input),
        "explode" => Shape::list(Lazy::of(Shape::whole()), false, None),
        "split" => texts(),
        "to_entries" => entries(input),
        "decimal" | "fabs" | "sqrt" | "cbrt" | "exp" | "exp2" | "exp10" | "log" | "log2" | "log10" | "pow"
        | "mktime" | "fromdateiso8601" => Shape::number(),
        "ltrimstr" | "rtrimstr" | "trimstr" => {
            let text = if input.text.is_some() { Some(Texts::Any) } else { None };
            Shape { text, ..input.clone() }
        }
        _ => Shape::anything(),
    }
}

/// `add`: of items that are all of one type it is simple to say.
fn sum(input: &Shape) -> Shape {
    let list = input.list.as_ref().map_or(Lazy::Never, |list| list.items.clone());
    let members = input.object.as_ref().map_or(Lazy::Never, |object| object.values());
    let one = list.join(members).look();
    let filled = input.list.as_ref().is_some_and(|list| list.filled) && input.object.is_none();
    let found = match one.types().as_slice() {
        [] => Shape::default(),
        ["number"] => Shape { number: one.number.as_ref().map(Numbers::kind), ..Shape::default() },
        ["string"] => Shape::text(),
        ["array"] => {
            let items = one.list.map_or(Lazy::Any, |list| list.items);
            Shape::list(items, false, None)
        }
        _ => return Shape::anything(),
    };
    if filled && !found.is_never() { found } else { found.or_null() }
}

/// `to_entries`
fn entries(input: &Shape) -> Shape {
    let entry = |key: Shape, value: Lazy| {
        let field = |shape| Field { shape, certain: true, key: None, value: None };
        let fields = [(Text::borrowed("key"), field(Lazy::of(key))), (Text::borrowed("value"), field(value))];
        Lazy::of(Shape::object(Object { fields: fields.into(), ..Object::default() }))
    };
    let mut items = Lazy::Never;
    if let Some(list) = &input.list {
        items = items.join(entry(Shape::whole(), list.items.clone()));
    }
    if let Some(object) = &input.object {
        let names = object.names().map_or_else(Shape::text, |names| Shape::one_of(names.cloned(), None));
        items = items.join(entry(names, object.values()));
    }
    let filled = input.list.as_ref().is_some_and(|list| list.filled) && input.object.is_none();
    Shape::list(items, filled, None)
}
