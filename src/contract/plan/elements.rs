//! The elements of a content model: which may stand in it, how often, and how their order is known.

use std::collections::{BTreeMap, HashMap};

use xsd_schema::NameId;

use super::Error;
use super::compile::Compiler;
use super::model::{self, Declared, Particle, Process, Term};
use super::order::{self, Node, Shape};
use super::types::{ANY, Child, Elements, Emit, NameIx, Namespaces, Order, Wildcard};
use crate::message::Text;

impl Compiler<'_> {
    pub(super) fn elements(&mut self, mixed: bool, particle: Option<&Particle>) -> Result<Elements, Error> {
        let mut slots = Slots { children: Vec::new(), by_name: HashMap::new(), wildcards: Vec::new() };
        if let Some(particle) = particle {
            self.declare(particle, &mut slots)?;
        }
        let declared = slots.by_name.clone();
        let shape = particle.map(|particle| self.shape(particle, &mut slots, &declared)).transpose()?;
        let counts = shape.as_ref().map(order::counts).unwrap_or_default();
        for (slot, count) in &counts {
            if let Some(child) = slots.children.get_mut(usize::from(*slot)) {
                child.repeated = count.repeated();
            }
        }
        let order = self.order(mixed, shape.as_ref(), &mut slots.children);
        let required =
            counts.iter().filter(|(slot, count)| **slot != ANY && count.min > 0).map(|(slot, _)| *slot).collect();
        let mut children = slots.children;
        self.assign_keys(&mut children);
        let index = |at: usize| u16::try_from(at).unwrap_or(ANY);
        let mut by_name: Vec<(NameIx, u16)> =
            children.iter().enumerate().map(|(at, child)| (child.element.name, index(at))).collect();
        by_name.sort_unstable();
        let mut by_key: Vec<(&Text, u16)> =
            children.iter().enumerate().map(|(at, child)| (&child.key, index(at))).collect();
        by_key.sort_unstable_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        let by_key = by_key.into_iter().map(|(_, at)| at).collect();
        Ok(Elements { children, by_name, by_key, required, wildcards: slots.wildcards, order })
    }

    fn order(&self, mixed: bool, shape: Option<&Shape>, children: &mut [Child]) -> Order {
        if mixed {
            return Order::Mixed;
        }
        let Some(program) = shape.map_or(Some(Vec::new()), order::program) else { return Order::Sequence };
        let plain = program.iter().all(|emit| matches!(emit, Emit::All(_)));
        let mut any_position = 0;
        for (at, emit) in program.iter().enumerate() {
            let position = u16::try_from(at).unwrap_or(ANY);
            match emit {
                Emit::All(ANY) => any_position = position,
                Emit::All(slot) => {
                    if let Some(child) = children.get_mut(usize::from(*slot)) {
                        child.position = position;
                    }
                }
                Emit::Take(..) | Emit::Loop(_) => {}
            }
        }
        let any = shape.is_some_and(|shape| matches!(shape.node, Node::All(_)));
        Order::Names { program, any, plain, any_position }
    }

    /// First round: the elements that the model declares.
    fn declare(&mut self, particle: &Particle, slots: &mut Slots) -> Result<(), Error> {
        match &particle.term {
            Term::Element(declared) => {
                for member in self.members(declared) {
                    self.slot(&member, slots)?;
                }
            }
            Term::Sequence(parts) | Term::Choice(parts) | Term::All(parts) => {
                for part in parts {
                    self.declare(part, slots)?;
                }
            }
            Term::Wildcard(_) => {}
        }
        Ok(())
    }

    fn slot(&mut self, declared: &Declared, slots: &mut Slots) -> Result<u16, Error> {
        let element = self.declared(declared);
        if let Some(slot) = slots.by_name.get(&element.name) {
            if let Some(child) = slots.children.get_mut(usize::from(*slot)) {
                child.element.nillable |= element.nillable;
            }
            return Ok(*slot);
        }
        let slot = u16::try_from(slots.children.len()).ok().filter(|slot| *slot < ANY);
        let slot = slot.ok_or(Error::Size { name: String::new() })?;
        slots.by_name.insert(element.name, slot);
        slots.children.push(Child { key: Text::new(), element, repeated: false, position: 0 });
        Ok(slot)
    }

    /// Second round: the model over slots. A wildcard is a choice of the global elements that it admits and of what
    /// nobody declares; an element that the model itself declares is always that one.
    fn shape(
        &mut self,
        particle: &Particle,
        slots: &mut Slots,
        declared: &HashMap<NameIx, u16>,
    ) -> Result<Shape, Error> {
        let once = |slot| Shape { min: 1, max: Some(1), node: Node::Slot(slot) };
        let node = match &particle.term {
            Term::Element(element) => {
                let mut members = Vec::new();
                for member in self.members(element) {
                    members.push(self.slot(&member, slots)?);
                }
                match members.as_slice() {
                    [only] => Node::Slot(*only),
                    members => Node::Choice(members.iter().map(|slot| once(*slot)).collect()),
                }
            }
            Term::Wildcard(wildcard) => {
                let mut letters = Vec::new();
                if wildcard.process != Process::Strict {
                    letters.push(once(ANY));
                }
                if wildcard.process != Process::Skip {
                    for key in self.globals.clone() {
                        let global = model::global(self.set, key);
                        if !wildcard.namespaces.admits(global.namespace) || global.is_abstract {
                            continue;
                        }
                        let name = self.name(global.namespace, global.local);
                        if !declared.contains_key(&name) {
                            letters.push(once(self.slot(&global, slots)?));
                        }
                    }
                }
                let wildcard = self.wildcard(wildcard);
                slots.wildcards.push(wildcard);
                Node::Choice(letters)
            }
            Term::Sequence(parts) => Node::Sequence(self.shapes(parts, slots, declared)?),
            Term::Choice(parts) => Node::Choice(self.shapes(parts, slots, declared)?),
            Term::All(parts) => Node::All(self.shapes(parts, slots, declared)?),
        };
        Ok(Shape { min: particle.min, max: particle.max, node })
    }

    fn shapes(
        &mut self,
        parts: &[Particle],
        slots: &mut Slots,
        declared: &HashMap<NameIx, u16>,
    ) -> Result<Vec<Shape>, Error> {
        parts.iter().map(|part| self.shape(part, slots, declared)).collect()
    }

    pub(super) fn wildcard(&self, wildcard: &model::Wildcard) -> Wildcard {
        let uris = |list: &[Option<NameId>]| {
            list.iter()
                .map(|id| id.map_or_else(Text::new, |id| Text::from(self.set.name_table.resolve_ref(id))))
                .collect()
        };
        Wildcard {
            namespaces: match &wildcard.namespaces {
                model::Namespaces::Any => Namespaces::Any,
                model::Namespaces::Not(list) => Namespaces::Not(uris(list)),
                model::Namespaces::Only(list) => Namespaces::Only(uris(list)),
            },
            strict: wildcard.process == Process::Strict,
            skip: wildcard.process == Process::Skip,
        }
    }

    /// Local names, and the contract's prefix where two namespaces share one.
    fn assign_keys(&self, children: &mut [Child]) {
        let mut uses: BTreeMap<Text, u32> = BTreeMap::new();
        for child in children.iter() {
            *uses.entry(self.key(child.element.name, false)).or_default() += 1;
        }
        for child in children {
            let local = self.key(child.element.name, false);
            let shared = uses.get(&local).is_some_and(|count| *count > 1);
            child.key = if shared { self.key(child.element.name, true) } else { local };
        }
    }
}

/// The children of one content model under construction.
struct Slots {
    children: Vec<Child>,
    by_name: HashMap<NameIx, u16>,
    wildcards: Vec<Wildcard>,
}
