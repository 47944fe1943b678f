//! What is known at compile time of the document that reaches a step.

use std::sync::Arc;

use crate::contract::Contract;

/// The contracts that the document may have at one place of a route.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Each once; `None` is a body that nobody has looked at.
    possible: Vec<Option<Arc<Contract>>>,
    /// Why no message gets here.
    ended: Option<&'static str>,
}

impl Reach {
    /// A document of this contract, or a body that nobody has looked at.
    pub fn of(contract: Option<Arc<Contract>>) -> Self {
        Self { possible: vec![contract], ended: None }
    }

    /// The contracts that the document may have.
    pub fn known(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.possible.iter().flatten()
    }

    /// The contracts, if it has one of them in any case.
    pub fn all(&self) -> Option<Vec<Arc<Contract>>> {
        self.possible.iter().cloned().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    }

    /// From here on the document has this contract.
    pub fn becomes(&mut self, contract: Option<Arc<Contract>>) {
        self.possible = vec![contract];
    }

    /// From here on nothing is known, since something before is wrong; later steps are not measured against it.
    pub fn becomes_anything(&mut self) {
        self.possible.clear();
    }

    /// No message gets beyond this place.
    pub fn end(&mut self, why: &'static str) {
        self.ended = Some(why);
    }

    /// Why no message gets here, told once.
    pub fn take_end(&mut self) -> Option<&'static str> {
        self.ended.take()
    }

    /// Where branches meet again.
    pub fn join(&mut self, branches: Vec<Self>) {
        let ended = branches.iter().map(|branch| branch.ended).reduce(|a, b| a.and(b)).flatten();
        let mut open: Vec<_> = branches.into_iter().filter(|branch| branch.ended.is_none()).collect();
        let unknown = open.iter().any(|branch| branch.possible.is_empty());
        self.ended = ended;
        self.possible.clear();
        if unknown {
            return;
        }
        for contract in open.drain(..).flat_map(|branch| branch.possible) {
            let reference = |c: &Option<Arc<Contract>>| c.as_ref().map(|c| c.reference().to_owned());
            if !self.possible.iter().any(|known| reference(known) == reference(&contract)) {
                self.possible.push(contract);
            }
        }
    }
}
