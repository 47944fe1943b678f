//! The order of an element's children: one that all examples keep, as far as there is one.
//!
//! A child follows another one if it came behind it in an example, or behind one that follows it. Those that follow each
//! other have no order and make a group; between the groups there is one. So each name stands once in the content model,
//! which is thereby deterministic, and all examples fit it.

use std::collections::BTreeSet;

/// Puts `count` children into groups, which follow each other; `follows` holds the pairs of which the second came right
/// behind the first. Where the examples leave the order open, it is that of the numbers.
pub(super) fn groups(count: usize, follows: &BTreeSet<(usize, usize)>) -> Vec<Vec<usize>> {
    let reach = Reach::of(count, follows);
    let mut group_of: Vec<Option<usize>> = vec![None; count];
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for child in 0..count {
        let known = (0..child).find(|other| reach.leads(*other, child) && reach.leads(child, *other));
        let group = known.and_then(|other| group_of.get(other).copied().flatten()).unwrap_or(groups.len());
        match groups.get_mut(group) {
            Some(members) => members.push(child),
            None => groups.push(vec![child]),
        }
        if let Some(own) = group_of.get_mut(child) {
            *own = Some(group);
        }
    }
    in_order(groups, &reach)
}

/// The groups, each behind all that lead to it.
fn in_order(groups: Vec<Vec<usize>>, reach: &Reach) -> Vec<Vec<usize>> {
    let leads = |from: &[usize], to: &[usize]| match (from.first(), to.first()) {
        (Some(from), Some(to)) => from != to && reach.leads(*from, *to),
        _ => false,
    };
    let mut before: Vec<usize> =
        groups.iter().map(|group| groups.iter().filter(|other| leads(other, group)).count()).collect();
    let mut left: Vec<Option<Vec<usize>>> = groups.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(left.len());
    // Who is first among those that nothing leads to any more; there is one, since groups do not lead to each other.
    while let Some(next) = left.iter().zip(&before).position(|(group, before)| group.is_some() && *before == 0) {
        let Some(group) = left.get_mut(next).and_then(Option::take) else { break };
        for (other, before) in left.iter().zip(&mut before) {
            if other.as_ref().is_some_and(|other| leads(&group, other)) {
                *before -= 1;
            }
        }
        ordered.push(group);
    }
    ordered
}

/// Which child leads to which, over any number of others: rows of bits.
struct Reach {
    words: usize,
    bits: Vec<u64>,
}

impl Reach {
    fn of(count: usize, follows: &BTreeSet<(usize, usize)>) -> Self {
        let words = count.div_ceil(64);
        let mut reach = Self { words, bits: vec![0; words * count] };
        for (from, to) in follows {
            if let Some(word) = reach.bits.get_mut(from * words + to / 64) {
                *word |= 1 << (to % 64);
            }
        }
        // Warshall's algorithm.
        for over in 0..count {
            let onward = reach.row(over).to_vec();
            for from in 0..count {
                if reach.leads(from, over)
                    && let Some(row) = reach.bits.get_mut(from * words..(from + 1) * words)
                {
                    row.iter_mut().zip(&onward).for_each(|(word, more)| *word |= more);
                }
            }
        }
        reach
    }

    fn row(&self, from: usize) -> &[u64] {
        self.bits.get(from * self.words..(from + 1) * self.words).unwrap_or_default()
    }

    fn leads(&self, from: usize, to: usize) -> bool {
        self.row(from).get(to / 64).is_some_and(|word| word >> (to % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(examples: &[&[usize]]) -> Vec<Vec<usize>> {
        let pairs = examples.iter().flat_map(|example| example.windows(2).map(|pair| (pair[0], pair[1])));
        let count = examples.iter().flat_map(|example| example.iter()).max().map_or(0, |most| most + 1);
        groups(count, &pairs.filter(|(from, to)| from != to).collect())
    }

    #[test]
    fn examples_agree_on_an_order_or_not() {
        assert_eq!(of(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(of(&[&[0, 1, 1, 2]]), [[0], [1], [2]]);
        // What the second example has in between was met last.
        assert_eq!(of(&[&[0, 1], &[0, 2, 1]]), [[0], [2], [1]]);
        // Nobody saw 1 and 2 together.
        assert_eq!(of(&[&[0, 1, 3], &[0, 2, 3]]), [[0], [1], [2], [3]]);
        assert_eq!(of(&[&[0, 1, 0]]), [[0, 1]]);
        assert_eq!(of(&[&[0, 1, 2, 4], &[0, 2, 1, 3]]), [vec![0], vec![1, 2], vec![3], vec![4]]);
        // The contradiction goes over three examples.
        assert_eq!(of(&[&[0, 1], &[1, 2], &[2, 0]]), [[0, 1, 2]]);
    }

    #[test]
    fn hundreds_of_children_keep_their_order() {
        let row: Vec<usize> = (0..300).rev().collect();
        let groups = of(&[&row]);
        assert_eq!(groups.into_iter().flatten().collect::<Vec<_>>(), row);
    }
}
