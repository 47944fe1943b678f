//! Values of simple types of XML Schema.

use bigdecimal::BigDecimal;

use super::number::Bounds;
use super::pattern;
use crate::contract::plan::rules::{Beyond, Check, Form};

/// How many texts are made from one pattern.
const TRIES: usize = 12;
/// Items of a list beyond this are given up.
const MOST_ITEMS: usize = 1_000;

/// A value of the type. `name` is of the element or attribute: what means nothing says at least where it stands.
/// `count` makes identifiers different.
pub(super) fn value(check: &Check, name: &str, count: usize) -> Option<String> {
    if let Form::Unknown(beyond) = &check.form {
        // Whether it is right only the whole document tells.
        return candidates_beyond(beyond, name, count).into_iter().next();
    }
    let enumerated = check.enumerations.iter().flatten().map(ToString::to_string);
    let found = enumerated.chain(of_patterns(check)).chain(of_form(check, name, count));
    let mut found = found.filter(|text| check.holds(text));
    found.next()
}

fn of_patterns(check: &Check) -> impl Iterator<Item = String> {
    // Numbers and dates are made as such first: most patterns only narrow them.
    let is_text = matches!(check.form, Form::Text | Form::NmToken | Form::NcName | Form::Uri | Form::Language);
    let patterns = check.patterns.iter().flatten().filter(move |_| is_text);
    patterns.flat_map(|regex| (0..TRIES).filter_map(|variant| pattern::matching(regex.as_str(), variant)))
}

fn of_form(check: &Check, name: &str, count: usize) -> Vec<String> {
    let mut all: Vec<String> = match &check.form {
        Form::Text => text_of_length(name, check.min_length, check.max_length).into_iter().collect(),
        Form::NmToken | Form::NcName => {
            let token: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
            text_of_length(&format!("x{token}"), check.min_length, check.max_length).into_iter().collect()
        }
        Form::Language => vec!["en".to_owned()],
        Form::Boolean => ["true", "1", "false", "0"].map(str::to_owned).to_vec(),
        Form::Decimal | Form::Integer => numbers(check),
        Form::Double => ["1.5", "1", "0", "-1"].map(str::to_owned).to_vec(),
        Form::Date => ["2026-01-31", "2026-01-31Z"].map(str::to_owned).to_vec(),
        Form::Time => ["08:30:00", "08:30:00Z"].map(str::to_owned).to_vec(),
        Form::DateTime => ["2026-01-31T08:30:00Z", "2026-01-31T08:30:00"].map(str::to_owned).to_vec(),
        Form::Uri => vec!["https://example.org/".to_owned(), "urn:a".to_owned()],
        Form::HexBinary => vec!["00".to_owned()],
        Form::Base64Binary => vec!["AAAA".to_owned()],
        Form::List(item) => {
            let times = check.min_length.max(1).min(check.max_length);
            let item = value(item, name, count).filter(|_| times <= MOST_ITEMS);
            item.map(|item| vec![item; times].join(" ")).into_iter().collect()
        }
        Form::Union(members) => members.iter().filter_map(|member| value(member, name, count)).collect(),
        Form::Unknown(_) => Vec::new(),
    };
    let patterns = check.patterns.iter().flatten();
    all.extend(patterns.flat_map(|regex| (0..TRIES).filter_map(|variant| pattern::matching(regex.as_str(), variant))));
    all
}

fn numbers(check: &Check) -> Vec<String> {
    let bound = |is_lower: bool| {
        let bounds = check.bounds.iter().filter(move |bound| bound.is_lower == is_lower);
        bounds.filter_map(|bound| Some((bound.value.parse::<BigDecimal>().ok()?, bound.inclusive))).collect()
    };
    let integer = matches!(check.form, Form::Integer);
    let bounds = Bounds { least: bound(true), most: bound(false), multiples: Vec::new(), integer };
    bounds.candidates().map(|number| number.to_plain_string()).collect()
}

/// The name as a text of so many characters.
pub(super) fn text_of_length(name: &str, least: usize, most: usize) -> Option<String> {
    let name = if name.is_empty() { "text" } else { name };
    let length = name.chars().count().max(least).min(most);
    (length <= super::MOST_SIZE).then(|| name.chars().cycle().take(length).collect())
}

fn candidates_beyond(beyond: &Beyond, name: &str, count: usize) -> Vec<String> {
    let mut all: Vec<String> = beyond.enumerations.iter().flatten().map(ToString::to_string).collect();
    let patterns = beyond.patterns.iter().flatten();
    all.extend(patterns.filter_map(|one| pattern::matching(&format!("^(?:{})$", pattern::of_xml_schema(one)), 0)));
    let fixed = match beyond.built_in.as_str() {
        "Duration" | "DayTimeDuration" => "P1D",
        "YearMonthDuration" => "P1Y",
        "GYear" => "2026",
        "GYearMonth" => "2026-01",
        "GMonthDay" => "--01-31",
        "GDay" => "---31",
        "GMonth" => "--01",
        "DateTimeStamp" | "DateTime" => "2026-01-31T08:30:00Z",
        "Date" => "2026-01-31",
        "Time" => "08:30:00",
        "Id" => return vec![format!("id-{count}")],
        "IdRef" | "IdRefs" => "id-1",
        "NmTokens" => "token",
        "Integer" | "Decimal" | "PositiveInteger" | "Int" | "Long" => "1",
        _ => "",
    };
    if !fixed.is_empty() {
        all.push(fixed.to_owned());
    }
    all.extend(beyond.members.iter().filter_map(|member| value(member, name, count)));
    if all.is_empty() {
        all.extend(text_of_length(name, 0, usize::MAX));
    }
    all
}
