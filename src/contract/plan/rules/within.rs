//! Whether every value of one simple type is a value of another.

use std::cmp::Ordering;

use super::super::types::Whitespace;
use super::decimal::Decimal;
use super::pattern::Pattern;
use super::value::{Bound, Check, Form};
use crate::message::Text;

impl Check {
    /// Why a value of this type may be none of the other; `None` if each is one. Where that cannot be told, it is said.
    pub(crate) fn beyond_of(&self, other: &Self) -> Option<String> {
        // Patterns, facets, members: all of them are written out.
        if format!("{self:?}") == format!("{other:?}") {
            return None;
        }
        if let (Form::Unknown(own), Form::Unknown(wanted)) = (&self.form, &other.form) {
            let has = |own: &Vec<Vec<String>>, any: &Vec<String>| {
                own.iter().any(|own| own.iter().all(|one| any.contains(one)))
            };
            let is_listed =
                |list: &Vec<Text>| own.enumerations.iter().any(|own| own.iter().all(|one| list.contains(one)));
            let is_narrower = own.built_in == wanted.built_in
                && format!("{:?}", own.members) == format!("{:?}", wanted.members)
                && wanted.patterns.iter().all(|any| has(&own.patterns, any))
                && wanted.enumerations.iter().all(is_listed)
                && wanted.others.iter().all(|one| own.others.contains(one));
            return (!is_narrower).then(|| "the types cannot be compared".to_owned());
        }
        if let Some(values) = self.listed() {
            let refused = values.iter().find(|value| !other.holds(value))?;
            return Some(format!("the value `{refused}`"));
        }
        self.beyond_form(other).or_else(|| self.beyond_facets(other))
    }

    /// All values, where they are listed.
    fn listed(&self) -> Option<Vec<&Text>> {
        let shortest = self.enumerations.iter().min_by_key(|list| list.len())?;
        let is_known = !matches!(self.form, Form::Unknown(_));
        is_known.then(|| shortest.iter().filter(|value| self.holds(value)).collect())
    }

    fn beyond_form(&self, other: &Self) -> Option<String> {
        let fits = match (&self.form, &other.form) {
            (Form::Union(members), _) => return members.iter().find_map(|member| member.beyond_of(other)),
            (_, Form::Union(members)) => {
                let all: Vec<Option<String>> = members.iter().map(|member| self.beyond_of(member)).collect();
                return if all.contains(&None) { None } else { all.into_iter().flatten().next() };
            }
            (Form::List(own), Form::List(wanted)) => return own.beyond_of(wanted),
            (Form::Unknown(_), _) | (_, Form::Unknown(_)) => false,
            (_, Form::Text) => true,
            (Form::Integer, Form::Decimal | Form::Double) | (Form::Decimal, Form::Double) => true,
            (Form::NcName, Form::NmToken) => true,
            (own, wanted) => std::mem::discriminant(own) == std::mem::discriminant(wanted),
        };
        (!fits).then(|| format!("{} rather than {}", name(&self.form), name(&other.form)))
    }

    fn beyond_facets(&self, other: &Self) -> Option<String> {
        let set = |any: &[Pattern]| any.iter().map(|pattern| pattern.as_str().to_owned()).collect::<Vec<_>>();
        let own: Vec<Vec<String>> = self.patterns.iter().map(|any| set(any)).collect();
        for wanted in other.patterns.iter().map(|any| set(any)) {
            if !own.iter().any(|own| own.iter().all(|one| wanted.contains(one))) {
                let shown: Vec<&str> =
                    wanted.iter().map(|one| one.trim_start_matches("^(?:").trim_end_matches(")$")).collect();
                return Some(format!("text that does not match `{}`", shown.join("` or `")));
            }
        }
        if !other.enumerations.is_empty() {
            return Some("other values than the listed ones".to_owned());
        }
        // Where white space counts differently, so do lengths and patterns.
        let has_text_facets = other.min_length > 0 || other.max_length < usize::MAX || !other.patterns.is_empty();
        if has_text_facets && self.whitespace != other.whitespace && self.whitespace != Whitespace::Collapse {
            return Some("white space that counts differently".to_owned());
        }
        if self.min_length < other.min_length {
            return Some(format!("less than {} in length", other.min_length));
        }
        if self.max_length > other.max_length {
            return Some(format!("more than {} in length", other.max_length));
        }
        if self.total_digits > other.total_digits {
            return Some(format!("more than {} digits", other.total_digits));
        }
        if self.fraction_digits > other.fraction_digits && !matches!(self.form, Form::Integer) {
            return Some(format!("more than {} digits behind the point", other.fraction_digits));
        }
        let unmet = other.bounds.iter().find(|wanted| !self.bounds.iter().any(|own| own.implies(wanted)))?;
        let side = if unmet.is_lower { "below" } else { "above" };
        Some(format!("a number {side} {}", unmet.value))
    }
}

impl Bound {
    fn implies(&self, wanted: &Self) -> bool {
        let (Some(own), Some(bound)) = (Decimal::parse(&self.value), Decimal::parse(&wanted.value)) else {
            return false;
        };
        let order = if self.is_lower { own.compare(&bound) } else { bound.compare(&own) };
        let is_narrower =
            order == Ordering::Greater || (order == Ordering::Equal && (wanted.inclusive || !self.inclusive));
        self.is_lower == wanted.is_lower && is_narrower
    }
}

fn name(form: &Form) -> &'static str {
    match form {
        Form::Text => "text",
        Form::Language => "a language",
        Form::Boolean => "true or false",
        Form::Decimal => "a decimal",
        Form::Integer => "an integer",
        Form::Double => "a floating-point number",
        Form::Date => "a date",
        Form::Time => "a time",
        Form::DateTime => "a date with a time",
        Form::Uri => "a URI",
        Form::NmToken => "a name token",
        Form::NcName => "a name",
        Form::HexBinary => "hexadecimal digits",
        Form::Base64Binary => "Base64",
        Form::List(_) => "a list",
        Form::Union(_) => "one of several types",
        Form::Unknown(_) => "a type of its own",
    }
}
