//! What differs, when a queue or an exchange is there already and was declared otherwise.

use crate::endpoint::declared_otherwise;
use crate::message::Field;

/// One argument that differs, from the broker's sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// `queue` or `exchange`.
    pub what: String,
    /// Its name.
    pub name: String,
    /// `x-queue-type`, `type`, `durable`, …
    pub argument: String,
    /// With which value it was to be declared, if with any.
    pub ours: Option<Field>,
    /// With which value it is there, if with any.
    pub theirs: Option<Field>,
}

/// Reads the broker's sentence, as
/// `… inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'`.
/// `None` if it is another sentence.
pub(super) fn parse(text: &str) -> Option<Mismatch> {
    let (_, rest) = text.split_once("inequivalent arg '")?;
    let (argument, rest) = rest.split_once("' for ")?;
    let (what, rest) = rest.split_once(" '")?;
    let (name, rest) = rest.split_once("' in vhost '")?;
    let (_, rest) = rest.split_once("': received ")?;
    let (ours, theirs) = rest.split_once(" but current is ")?;
    let [what, name, argument] = [what, name, argument].map(str::to_owned);
    Some(Mismatch { what, name, argument, ours: value(ours), theirs: value(theirs) })
}

/// That sentence in words that tell what to do.
pub(super) fn explain(text: &str) -> Option<String> {
    let Mismatch { what, name, argument, ours, theirs } = parse(text)?;
    Some(declared_otherwise(&what, &name, &argument, &shown(theirs.as_ref()), &shown(ours.as_ref())))
}

/// A value as people read it: in backticks, or `none`.
pub fn shown(value: Option<&Field>) -> String {
    match value {
        None => "none".to_owned(),
        Some(Field::Bool(flag)) => format!("`{flag}`"),
        Some(Field::I64(number)) => format!("`{number}`"),
        Some(other) => match other.as_str() {
            Some(text) => format!("`{text}`"),
            None => format!("`{other:?}`"),
        },
    }
}

/// `'classic'`, `none`, or `the value '5' of type 'signedint'`.
fn value(text: &str) -> Option<Field> {
    let (_, rest) = text.split_once('\'')?;
    let (value, rest) = rest.split_once('\'')?;
    let is_text = rest.contains("'longstr'");
    Some(match value.parse::<i64>() {
        Ok(number) if !is_text => Field::I64(number),
        _ => match value {
            "true" if !is_text => Field::Bool(true),
            "false" if !is_text => Field::Bool(false),
            text => Field::text(text),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_differs_and_what_to_do() {
        let text = "declaring queue `q`: PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost \
                    '/': received 'quorum' but current is 'classic'";
        assert_eq!(
            explain(text).as_deref(),
            Some(
                "queue `q` is there already, with x-queue-type `classic`; the route wants x-queue-type `quorum`. \
                 Delete the queue when it is empty, or take it as it is with `declare: false`"
            )
        );
        let text = "inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received the value '5' of type \
                    'signedint' but current is none";
        assert!(explain(text).is_some_and(|text| text.contains(
            "with x-message-ttl none; the route wants \
            x-message-ttl `5`"
        )));
        assert_eq!(explain("NOT_FOUND - no queue 'q' in vhost '/'"), None);
    }

    #[test]
    fn values_have_types() {
        assert_eq!(value("the value '5' of type 'signedint'"), Some(Field::I64(5)));
        assert_eq!(value("the value '5' of type 'longstr'"), Some(Field::text("5")));
        assert_eq!(value("the value 'true' of type 'bool'"), Some(Field::Bool(true)));
        assert_eq!(value("the value '' of type 'longstr'"), Some(Field::text("")));
        assert_eq!(value("'false'"), Some(Field::Bool(false)));
        assert_eq!(value("none"), None);
    }
}
