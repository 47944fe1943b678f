//! Numbers within bounds.

use bigdecimal::{BigDecimal, RoundingMode, Zero};

/// What a number must be.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    /// With whether the bound itself is allowed.
    pub(super) least: Vec<(BigDecimal, bool)>,
    pub(super) most: Vec<(BigDecimal, bool)>,
    pub(super) multiples: Vec<BigDecimal>,
    pub(super) integer: bool,
}

impl Bounds {
    /// The numbers near the bounds that are within all of them, the plainest first.
    pub(super) fn candidates(&self) -> impl Iterator<Item = BigDecimal> {
        let one = BigDecimal::from(1);
        let unit = |bound: &BigDecimal| BigDecimal::new(1.into(), bound.fractional_digit_count().max(0));
        let mut all = vec![one.clone(), BigDecimal::from(10), BigDecimal::zero()];
        for (bound, _) in &self.least {
            let ceiling = bound.with_scale_round(0, RoundingMode::Ceiling);
            all.extend([ceiling.clone(), ceiling + &one, bound.clone(), bound + unit(bound)]);
        }
        for (bound, _) in &self.most {
            let floor = bound.with_scale_round(0, RoundingMode::Floor);
            all.extend([floor.clone(), floor - &one, bound.clone(), bound - unit(bound)]);
        }
        for (low, _) in &self.least {
            all.extend(self.most.iter().map(|(high, _)| (low + high) / BigDecimal::from(2)));
        }
        let mut of_multiples = Vec::new();
        for multiple in self.multiples.iter().filter(|multiple| !multiple.is_zero()) {
            let near = |number: &BigDecimal| (number / multiple).with_scale_round(0, RoundingMode::Ceiling) * multiple;
            of_multiples.extend(all.iter().map(near));
        }
        let this = self.clone();
        all.into_iter().chain(of_multiples).filter(move |number| this.hold(number)).map(|number| number.normalized())
    }

    fn hold(&self, number: &BigDecimal) -> bool {
        self.least.iter().all(|(bound, inclusive)| number > bound || (*inclusive && number == bound))
            && self.most.iter().all(|(bound, inclusive)| number < bound || (*inclusive && number == bound))
            && self.multiples.iter().all(|multiple| multiple.is_zero() || (number % multiple).is_zero())
            && (!self.integer || number.is_integer())
    }
}
