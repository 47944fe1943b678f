//! What differs, when a queue or an exchange is there already and was declared otherwise.

use crate::endpoint::declared_otherwise;

/// The broker's sentence, as
/// `… inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'`,
/// in words that tell what to do. `None` if it is another sentence.
pub(super) fn explain(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("inequivalent arg '")?;
    let (argument, rest) = rest.split_once("' for ")?;
    let (what, rest) = rest.split_once(" '")?;
    let (name, rest) = rest.split_once("' in vhost '")?;
    let (_, rest) = rest.split_once("': received ")?;
    let (ours, theirs) = rest.split_once(" but current is ")?;
    let (ours, theirs) = (value(ours), value(theirs));
    Some(declared_otherwise(what, name, argument, &theirs, &ours))
}

/// `'classic'`, `none`, or `the value '5' of type 'signedint'`.
fn value(text: &str) -> String {
    let text = text.trim_end_matches('.').trim();
    let quoted = text.split_once('\'').and_then(|(_, rest)| rest.split_once('\'')).map(|(value, _)| value);
    match quoted {
        Some(value) => format!("`{value}`"),
        None => text.to_owned(),
    }
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
}
