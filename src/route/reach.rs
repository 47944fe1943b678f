//! What is known at compile time of the document that reaches a step.

use std::sync::Arc;

use crate::contract::Contract;
use crate::transform::Documents;

/// The contracts that the document may have at one place of a route.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Each once; `None` is a body that nobody has looked at.
    possible: Vec<Option<Arc<Contract>>>,
    /// What is known besides, also where no contract is named.
    documents: Arc<Documents>,
    /// Why no message gets here.
    ended: Option<&'static str>,
}

impl Default for Reach {
    fn default() -> Self {
        Self { possible: Vec::new(), documents: Documents::anything(), ended: None }
    }
}

impl Reach {
    /// A document of this contract, or a body that nobody has looked at.
    pub fn of(contract: Option<Arc<Contract>>) -> Self {
        Self { documents: Documents::of(contract.as_ref()), possible: vec![contract], ended: None }
    }

    /// The contracts that the document may have.
    pub fn known(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.possible.iter().flatten()
    }

    /// What is known of the document for the expressions that look at it.
    pub fn documents(&self) -> &Arc<Documents> {
        &self.documents
    }

    /// From here on the document has this contract.
    pub fn becomes(&mut self, contract: Option<Arc<Contract>>) {
        self.documents = Documents::of(contract.as_ref());
        self.possible = vec![contract];
    }

    /// From here on nothing is known, since something before is wrong; later steps are not measured against it.
    pub fn becomes_anything(&mut self) {
        self.becomes_made(Documents::anything());
    }

    /// From here on the document has no contract that is named, and is one of these.
    pub fn becomes_made(&mut self, documents: Arc<Documents>) {
        self.documents = documents;
        self.possible.clear();
    }

    /// What is known now holds only if the steps that follow leave it so, since they are run again.
    pub fn begins_round(&mut self) -> Arc<Documents> {
        self.documents = Documents::round(&self.documents);
        Arc::clone(&self.documents)
    }

    /// What gets beyond this place: nothing if the way ends before it.
    pub fn left(&self) -> Vec<Arc<Documents>> {
        self.ended.is_none().then(|| Arc::clone(&self.documents)).into_iter().collect()
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
        self.documents = Documents::one_of(open.iter().map(|branch| Arc::clone(&branch.documents)).collect());
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
