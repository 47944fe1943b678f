//! Topic patterns: words between dots, `*` for one word, `#` for any number (AMQP 0-9-1 section 3.1.3.3).

/// Whether a routing key fits a pattern. Costs at most words × words.
pub(crate) fn matches(pattern: &str, key: &str) -> bool {
    // `fits` holds, for each number of leading words of the key, whether the pattern so far fits them.
    let words: Vec<&str> = if key.is_empty() { Vec::new() } else { key.split('.').collect() };
    let mut fits = vec![false; words.len() + 1];
    if let Some(none) = fits.first_mut() {
        *none = true;
    }
    let pattern_words = pattern.split('.').filter(|_| !pattern.is_empty());
    for part in pattern_words {
        let before = fits.clone();
        if part == "#" {
            let mut reached = false;
            for fit in &mut fits {
                reached |= *fit;
                *fit = reached;
            }
            continue;
        }
        fits.fill(false);
        for ((fit, word), before) in fits.iter_mut().skip(1).zip(&words).zip(&before) {
            *fit = *before && (part == "*" || part == *word);
        }
    }
    fits.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn fits_as_the_specification_says() {
        for (pattern, key, fits) in [
            ("order.status", "order.status", true),
            ("order.*", "order.status", true),
            ("order.*", "order", false),
            ("order.*", "order.status.web", false),
            ("order.#", "order", true),
            ("order.#", "order.status.web", true),
            ("#", "", true),
            ("#", "a.b.c", true),
            ("*", "", false),
            ("", "", true),
            ("", "a", false),
            ("#.web", "order.status.web", true),
            ("#.web", "order.status.app", false),
            ("a.#.b.*.c", "a.x.y.b.z.c", true),
            ("a.#.b.*.c", "a.b.c", false),
            ("#.#.a", "a", true),
            ("*.a", ".a", true),
        ] {
            assert_eq!(matches(pattern, key), fits, "pattern {pattern:?}, key {key:?}");
        }
    }
}
