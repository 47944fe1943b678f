//! Looking through text eight bytes at a time ("Hacker's Delight", section 6-1).

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Eight bytes, the first of them lowest. A test marks bytes by their high bit; the lowest mark is always right.
#[derive(Clone, Copy)]
pub(crate) struct Word(u64);

impl Word {
    /// Marks the bytes below a bound of at most 128.
    pub(crate) fn below(self, bound: u8) -> u64 {
        self.0.wrapping_sub(ONES * u64::from(bound)) & !self.0 & HIGH
    }

    /// Marks the bytes that are this one.
    pub(crate) fn is(self, byte: u8) -> u64 {
        Self(self.0 ^ (ONES * u64::from(byte))).below(1)
    }

    /// Marks the bytes that are one of two below 128, and those below a bound of at most 128.
    pub(crate) fn is_or_below(self, [a, b]: [u8; 2], bound: u8) -> u64 {
        let less = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound));
        let either = less(self.0 ^ (ONES * u64::from(a)), 1) | less(self.0 ^ (ONES * u64::from(b)), 1);
        (either | less(self.0, bound)) & !self.0 & HIGH
    }

    /// Marks the bytes that are this one, but for the bits of `but`.
    pub(crate) fn is_but(self, byte: u8, but: u8) -> u64 {
        Self(self.0 & !(ONES * u64::from(but))).is(byte & !but)
    }
}

/// Where the first byte is of which `word` and `byte` both say so.
#[inline]
pub(crate) fn find(bytes: &[u8], word: impl Fn(Word) -> u64, byte: impl Fn(u8) -> bool) -> Option<usize> {
    let marked = |eight: &[u8; 8]| match word(Word(u64::from_le_bytes(*eight))) {
        0 => None,
        marks => Some(marks.trailing_zeros() as usize / 8),
    };
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, eight) in words.iter().enumerate() {
        if let Some(within) = marked(eight) {
            return Some(at * 8 + within);
        }
    }
    // The last word has bytes of the one before, which are not marked.
    match (bytes.last_chunk::<8>(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        _ if rest.is_empty() => None,
        (Some(last), ..) => marked(last).map(|within| bytes.len() + within - 8),
        (_, Some([a, b, c, d]), Some([e, f, g, h])) => {
            let within = marked(&[*a, *b, *c, *d, *e, *f, *g, *h])?;
            Some(if within < 4 { within } else { bytes.len() + within - 8 })
        }
        _ => rest.iter().position(|one| byte(*one)),
    }
}

/// The same in text of which mostly the first few bytes are looked at.
pub(crate) fn find_soon(bytes: &[u8], word: impl Fn(Word) -> u64, byte: impl Fn(u8) -> bool) -> Option<usize> {
    let mut rest = bytes;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        match word(Word(u64::from_le_bytes(*eight))) {
            0 => rest = after,
            marks => return Some(bytes.len() - rest.len() + marks.trailing_zeros() as usize / 8),
        }
    }
    rest.iter().position(|one| byte(*one)).map(|within| bytes.len() - rest.len() + within)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_look_at_each_byte_finds(bytes in prop::collection::vec(any::<u8>(), 0..40), bound in 0_u8..=128, one: u8) {
            let below = find(&bytes, |word| word.below(bound), |byte| byte < bound);
            prop_assert_eq!(below, bytes.iter().position(|byte| *byte < bound));
            let is = find(&bytes, |word| word.is(one), |byte| byte == one);
            prop_assert_eq!(is, bytes.iter().position(|byte| *byte == one));
            let any = [one & 0x7f, b'"'];
            let soon = find_soon(&bytes, |word| word.is_or_below(any, bound), |byte| any.contains(&byte) || byte < bound);
            prop_assert_eq!(soon, bytes.iter().position(|byte| any.contains(byte) || *byte < bound));
            let but = find(&bytes, |word| word.is_but(one, 2), |byte| byte | 2 == one | 2);
            prop_assert_eq!(but, bytes.iter().position(|byte| byte | 2 == one | 2));
        }
    }
}
