//! Which delays a message has waited for: it travels in a header of the message while that waits, so that it passes them
//! when it comes again.

use serde::{Deserialize, Serialize};

use crate::message::{Field, Headers, Text, header_names};

/// The longest header, in bytes; no route has so many delays.
const LONGEST: usize = 64 << 10;

/// As it stands in the header: `{"route":"orders","steps":["1-delay"]}`.
#[derive(Serialize, Deserialize)]
struct Written {
    route: String,
    steps: Vec<String>,
}

/// Takes out of the headers the ids of the delays of this route that the message has waited for.
pub fn take(headers: &mut Headers, route: &str) -> Vec<Text> {
    let Some(field) = headers.remove(header_names::WAITED) else { return Vec::new() };
    let read = |text: &str| serde_json::from_str(text).ok().filter(|written: &Written| written.route == route);
    let written = field.as_str().filter(|text| text.len() <= LONGEST).and_then(read);
    written.into_iter().flat_map(|written| written.steps).map(Text::from).collect()
}

/// Notes on a message that it waits for one more.
pub fn mark(headers: &mut Headers, route: &str, step: &Text) {
    let mut steps: Vec<String> = take(headers, route).iter().map(Text::to_string).collect();
    steps.push(step.to_string());
    if let Ok(text) = serde_json::to_string(&Written { route: route.to_owned(), steps }) {
        headers.insert(Text::borrowed(header_names::WAITED), Field::text(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_remembers_the_delays_of_its_route() {
        let mut headers = Headers::new();
        mark(&mut headers, "a", &"one".into());
        mark(&mut headers, "a", &"two".into());
        assert_eq!(take(&mut headers.clone(), "b"), Vec::<Text>::new());
        assert_eq!(take(&mut headers, "a"), ["one", "two"].map(Text::from));
        assert!(headers.is_empty());
        headers.insert(header_names::WAITED.into(), Field::text("{"));
        assert_eq!(take(&mut headers, "a"), Vec::<Text>::new());
    }
}
