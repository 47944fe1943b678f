//! What a program makes, measured against the contract that it makes it for.

use std::ops::Range;

use super::super::node::Span;
use super::operators::may_be_equal;
use super::scalars::Texts;
use super::shape::{Field, List, Object, Shape};
use super::{Finding, Target, words};
use crate::diagnostic::codes;
use crate::message::{Text, Value};

/// Levels of documents that are compared.
const MAX_DEPTH: usize = 24;

/// Values that are compared.
const FUEL: usize = 100_000;

/// What does not fit; nothing if there is too much to be compared. `at` is where the whole is made.
pub(super) fn fit(made: &Shape, target: Target<'_>, at: Span) -> Vec<Finding> {
    let mut fit = Fit { target, path: String::new(), depth: 0, fuel: FUEL, findings: Vec::new() };
    fit.value(made, target.shape, at, true);
    if fit.fuel > 0 { fit.findings } else { Vec::new() }
}

struct Fit<'t> {
    target: Target<'t>,
    /// Where in the document, as jq writes it.
    path: String,
    depth: usize,
    fuel: usize,
    findings: Vec<Finding>,
}

impl Fit<'_> {
    /// `at` is where the value is made; `certain`, whether there is such a value each time that its whole is made.
    fn value(&mut self, made: &Shape, wanted: &Shape, at: Span, certain: bool) {
        self.fuel = self.fuel.saturating_sub(1);
        if made.is_never() || wanted.is_anything() || self.depth > MAX_DEPTH || self.fuel == 0 {
            return;
        }
        if made.is_anything() && !self.target.tells_unknown {
            return;
        }
        if made.is_anything() {
            let message = format!("nothing is known of what `{}` becomes here", self.here());
            let hint = format!("`{}` wants {}", self.target.name, words::values(wanted));
            return self.report(codes::MAPPING_UNSURE, at, message, hint, false);
        }
        let mut wanted = wanted.clone();
        if self.target.text_for_numbers && wanted.number.is_some() {
            wanted.text = Some(as_numbers(made.text.as_ref(), wanted.text.as_ref()));
        }
        if !may_be_equal(made, &wanted) {
            let message = format!("`{}` is always {} here", self.here(), words::values(made));
            let at = narrowest(made, at);
            return self.report(codes::MAPPING_TYPE, at, message, self.wants(made, &wanted), certain);
        }
        let types = wanted.types();
        let others: Vec<&str> = made.types().into_iter().filter(|one| !types.contains(one)).collect();
        if !others.is_empty() {
            let message = format!("`{}` may be {} here", self.here(), others.join(" or "));
            self.report(codes::MAPPING_UNSURE, at, message, self.wants(made, &wanted), false);
        }
        self.scalars(made, &wanted, at);
        if let (Some(made), Some(wanted)) = (&made.list, &wanted.list) {
            self.list(made, wanted, at, certain);
        }
        if let (Some(made), Some(wanted)) = (&made.object, &wanted.object) {
            self.object(made, wanted, at, certain);
        }
    }

    /// The texts and numbers that are known and never fit.
    fn scalars(&mut self, made: &Shape, wanted: &Shape, at: Span) {
        let mut never = Vec::new();
        if let (Some(made), Some(allowed)) = (&made.text, &wanted.text) {
            for (text, place) in made.known().filter(|(text, _)| !allowed.admit(text)) {
                let hint = match allowed {
                    Texts::OneOf(known) if wanted.number.is_none() => {
                        words::meant(text, || known.keys().map(|text| text.as_str()), "there is")
                    }
                    _ => self.wants(&Shape::exactly(&Value::String(text.clone()), None), wanted),
                };
                never.push((format!("\"{text}\""), place, hint));
            }
        }
        if let (Some(made), Some(allowed)) = (&made.number, &wanted.number) {
            for (number, place) in made.which.known().filter(|(number, _)| !allowed.admit(number)) {
                let hint = self.wants(&Shape::exactly(&Value::Number(number.clone()), None), wanted);
                never.push((number.to_string(), place, hint));
            }
        }
        for (value, place, hint) in never {
            let message = format!("`{}` is never {value}", self.here());
            self.report(codes::MAPPING_TYPE, place.or(at), message, hint, place.is_some());
        }
    }

    fn list(&mut self, made: &List, wanted: &List, at: Span, certain: bool) {
        let items = made.items.look();
        let at = made.at.or(at);
        if items.is_never() && wanted.filled {
            let message = format!("`{}` is always empty here", self.here());
            return self.report(codes::MAPPING_TYPE, at, message, "at least one item is needed".to_owned(), certain);
        }
        // Where no item ever fits, only an array without items does: nobody means that, unless the target says so.
        let wanted = wanted.items.look();
        let certain = certain && (made.filled || !wanted.is_never());
        match &made.each {
            Some(each) => {
                for item in each.iter() {
                    self.deeper("[]", |fit| fit.value(&item.look(), &wanted, at, certain));
                }
            }
            None => self.deeper("[]", |fit| fit.value(&items, &wanted, at, certain)),
        }
    }

    fn object(&mut self, made: &Object, wanted: &Object, at: Span, certain: bool) {
        let place = made.at.or(at);
        for (name, field) in wanted.fields.iter().filter(|(_, field)| field.certain) {
            match made.get(name) {
                Some((_, true)) => {}
                Some((_, false)) => {
                    let message = format!("`{}` may be missing here", words::longer(&self.path, name));
                    let hint = format!("`{}` needs it", self.target.name);
                    self.report(codes::MAPPING_UNSURE, place, message, hint, false);
                }
                None => {
                    let message = format!("`{}` is missing here", words::longer(&self.path, name));
                    let hint = self.add(name, field, made, wanted);
                    self.report(codes::MAPPING_REQUIRED, place, message, hint, certain || made.at.is_some());
                }
            }
        }
        for (name, field) in &made.fields {
            let shape = field.shape.look();
            if shape.is_never() {
                continue;
            }
            let own = field.key.is_some() || certain && field.certain;
            match wanted.get(name) {
                Some((inner, _)) => {
                    self.deeper(name, |fit| fit.value(&shape, &inner, field.value.or(at), own));
                }
                None => {
                    let message = format!("`{}` has no `{name}` {}", self.target.name, self.inside());
                    let hint = words::meant(name, || wanted.fields.keys().map(|name| name.as_str()), "there is");
                    let code = if own { codes::MAPPING_KEY } else { codes::MAPPING_UNSURE };
                    self.report(code, field.key.or(place), message, hint, own);
                }
            }
        }
        if made.rest.is_some() && wanted.rest.is_none() {
            let message = format!("`{}` may have members here that `{}` does not know", self.here(), self.target.name);
            let hint = "name the members that are wanted, as in `{ id, name }`".to_owned();
            self.report(codes::MAPPING_UNSURE, place, message, hint, false);
        }
    }

    /// What to say of a member that is missing: perhaps it is there under another name.
    fn add(&self, name: &Text, field: &Field, made: &Object, wanted: &Object) -> String {
        let unknown = made.fields.keys().filter(|own| wanted.get(own).is_none()).map(|own| own.as_str());
        match crate::diagnostic::did_you_mean(name, unknown) {
            Some(similar) => format!("is it what is called `{similar}` here?"),
            None => format!("add it: {}", words::values(&field.shape.look())),
        }
    }

    fn wants(&self, made: &Shape, wanted: &Shape) -> String {
        let has_text = |shape: &Shape| shape.object.as_ref().is_some_and(|object| object.fields.contains_key("#text"));
        let hint = match (made.types().as_slice(), wanted.types().as_slice()) {
            (["string" | "number" | "boolean"], ["object"]) if has_text(wanted) => {
                ", with attributes possible: write `{ \"#text\": … }`"
            }
            (["object"], ["string" | "number" | "boolean"]) if has_text(made) => ": take its `[\"#text\"]`",
            (["object"], [.., "array"] | ["array", ..]) | (["string"] | ["number"], ["array"]) => {
                ": put it in `[` and `]`"
            }
            (["number"] | ["boolean"], ["string"]) => ": see `tostring`",
            (["string"], ["number"]) => ": see `tonumber`",
            _ => "",
        };
        format!("`{}` wants {}{}{hint}", self.target.name, words::values(wanted), words::rules(made, wanted))
    }

    fn deeper(&mut self, key: &str, then: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path = if key == "[]" { format!("{}[]", self.path) } else { words::longer(&self.path, key) };
        self.depth += 1;
        then(self);
        self.depth -= 1;
        self.path.truncate(length);
    }

    fn here(&self) -> &str {
        if self.path.is_empty() { "." } else { &self.path }
    }

    fn inside(&self) -> String {
        if self.path.is_empty() { "at its root".to_owned() } else { format!("in `{}`", self.path) }
    }

    fn report(&mut self, code: &'static str, at: Span, message: String, hint: String, certain: bool) {
        let code = if certain { code } else { codes::MAPPING_UNSURE };
        let span: Range<usize> = at.map_or(0..0, |(start, end)| start as usize..end as usize);
        self.findings.push(Finding { code, span, message, hint, certain });
    }
}

/// The place of the only text or number, where that is a part of the whole place.
fn narrowest(made: &Shape, at: Span) -> Span {
    let texts = made.text.iter().flat_map(|texts| texts.known().map(|(_, place)| place));
    let numbers = made.number.iter().flat_map(|numbers| numbers.which.known().map(|(_, place)| place));
    let mut places = texts.chain(numbers);
    match (places.next().flatten(), places.next(), at) {
        (Some(place), None, Some(at)) if at.0 <= place.0 && place.1 <= at.1 => Some(place),
        _ => at,
    }
}

/// The texts that may stand where XML wants a number: surely not those without a digit.
fn as_numbers(made: Option<&Texts>, special: Option<&Texts>) -> Texts {
    let may = |text: &Text| {
        text.bytes().any(|byte| byte.is_ascii_digit()) || special.is_some_and(|special| special.admit(text))
    };
    match made {
        Some(Texts::OneOf(all)) => {
            Texts::OneOf(all.keys().filter(|text| may(text)).map(|text| (text.clone(), None)).collect())
        }
        _ => Texts::Any,
    }
}
