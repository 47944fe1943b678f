//! What is left to do of a message of which some parts are done: it travels in a header of the message when that waits
//! for another attempt or lies in a dead-letter queue, so that neither a retry nor a replay repeats what is done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::message::{Field, Headers, Text, header_names};

/// More parts than this no step makes of a message.
pub const MOST_PARTS: u32 = 10_000;
/// The longest header, in bytes. What is longer is not written: all parts are repeated then.
const LONGEST: usize = 8 << 10;

/// The positions of parts, from 1.
pub type Positions = BTreeSet<u32>;

/// What is left to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Left {
    /// The step at which the run ended, so that nothing after it was done; `None` if it came to its end.
    pub at: Option<Text>,
    /// The parts of each step that are left. Other steps of this kind, up to that one, are done.
    pub parts: BTreeMap<Text, Positions>,
}

/// As it stands in the header: `{"route":"orders","at":"lines","parts":{"lines":"2,5-7"}}`.
#[derive(Serialize, Deserialize)]
struct Written {
    route: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    parts: BTreeMap<String, String>,
}

impl Left {
    /// Takes what this route wrote out of the headers. What another route wrote stays, for that one.
    pub fn take(headers: &mut Headers, route: &str) -> Option<Self> {
        let text = headers.get(header_names::PARTS_LEFT)?.as_str().filter(|text| text.len() <= LONGEST)?;
        let written: Written = serde_json::from_str(text).ok().filter(|written: &Written| written.route == route)?;
        headers.remove(header_names::PARTS_LEFT);
        let parts = written.parts.into_iter().map(|(step, ranges)| Some((Text::from(step), read(&ranges)?)));
        Some(Self { at: written.at.map(Text::from), parts: parts.collect::<Option<_>>()? })
    }

    /// The value of the header; `None` if it would be too long.
    pub fn write(&self, route: &str) -> Option<Text> {
        let parts = self.parts.iter().map(|(step, positions)| (step.to_string(), write(positions))).collect();
        let written = Written { route: route.to_owned(), at: self.at.as_ref().map(Text::to_string), parts };
        serde_json::to_string(&written).ok().filter(|text| text.len() <= LONGEST).map(Text::from)
    }
}

/// Notes on a message what is left of it.
pub fn mark(headers: &mut Headers, left: &Text) {
    headers.insert(Text::borrowed(header_names::PARTS_LEFT), Field::text(left.as_str()));
}

/// What is noted on a message.
pub fn left_of(headers: &Headers) -> Option<Text> {
    headers.get(header_names::PARTS_LEFT)?.as_str().map(Text::from)
}

/// `2,5-7`
fn write(positions: &Positions) -> String {
    let mut text = String::new();
    let mut rest = positions.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if(|next| last.checked_add(1) == Some(*next)) {
            last = next;
        }
        let comma = if text.is_empty() { "" } else { "," };
        text.push_str(&if first == last { format!("{comma}{first}") } else { format!("{comma}{first}-{last}") });
    }
    text
}

fn read(text: &str) -> Option<Positions> {
    let mut positions = Positions::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        if first == 0 || first > last || last > MOST_PARTS {
            return None;
        }
        positions.extend(first..=last);
    }
    Some(positions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(positions in prop::collection::btree_set(1..=MOST_PARTS, 1..200), at in any::<bool>()) {
            let at = at.then(|| Text::from("lines"));
            let left = Left { at, parts: [(Text::from("lines"), positions)].into() };
            let mut headers = Headers::new();
            mark(&mut headers, &left.write("a").expect("is short"));
            prop_assert_eq!(Left::take(&mut headers, "b"), None);
            prop_assert_eq!(headers.len(), 1, "it is another route's");
            prop_assert_eq!(Left::take(&mut headers, "a"), Some(left));
            prop_assert!(headers.is_empty());
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}", ranges in "[0-9,-]{0,20}") {
            let json = serde_json::json!({ "route": "a", "parts": { "s": ranges } }).to_string();
            for text in [text, json] {
                let mut headers = Headers::new();
                mark(&mut headers, &Text::from(text));
                let _read = Left::take(&mut headers, "a");
            }
        }
    }

    #[test]
    fn neighbours_are_a_range() {
        assert_eq!(write(&Positions::from([2, 5, 6, 7, 9])), "2,5-7,9");
        for wrong in ["", "0", "3-2", "1-10001", "1-4294967295", "a", "1,,2"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let parts = [(Text::from("lines"), (1..=MOST_PARTS).step_by(2).collect())].into();
        assert_eq!(Left { at: None, parts }.write("a"), None);
    }
}
