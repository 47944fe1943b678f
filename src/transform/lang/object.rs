//! Objects that a program writes, as `{…} + if .a then {…} else {} end`: their members are made where they stay.

use jaq_core::ops::Math;

use super::env::Env;
use super::node::{Kind, Names, Node};
use super::ops;
use super::run::Run;
use super::stop::{Flow, fail};
use crate::message::{Members, Text, Value};

impl Kind {
    /// The most members of an object that is written here, or of a sum that begins with one; zero for all others.
    pub(super) fn members(&self) -> usize {
        match self {
            Self::Record(names, _) => names.all.len(),
            Self::Const(Value::Object(members)) => members.len(),
            Self::Math(Math::Add, left, right, _) if left.members > 0 => left.members.saturating_add(right.more()),
            _ => 0,
        }
    }
}

impl Node {
    /// The most members that it adds to a sum of objects, as far as they are written here.
    fn more(&self) -> usize {
        match &self.kind {
            Kind::If(_, then, otherwise) => then.more().max(otherwise.more()),
            _ => self.members,
        }
    }

    /// The names that its members can have, unless it can have others than are written here.
    fn names(&self) -> Option<Vec<Text>> {
        match &self.kind {
            Kind::Record(names, _) => Some(names.all.to_vec()),
            Kind::Const(Value::Object(members)) => Some(members.keys().cloned().collect()),
            Kind::If(_, left, right) | Kind::Math(Math::Add, left, right, _) => {
                let mut names = left.names()?;
                names.extend(right.names()?);
                Some(names)
            }
            _ => None,
        }
    }

    /// Marks the objects in it whose members are not new where it is added to `left`.
    pub(super) fn add_to(&mut self, left: &Self) {
        self.meet(left.names().as_deref());
    }

    fn meet(&mut self, known: Option<&[Text]>) {
        match &mut self.kind {
            Kind::Record(names, _) => {
                names.new = names.new && known.is_some_and(|known| !names.all.iter().any(|name| known.contains(name)));
            }
            Kind::If(_, left, right) | Kind::Math(Math::Add, left, right, _) => {
                left.meet(known);
                right.meet(known);
            }
            _ => {}
        }
    }
}

impl Run<'_> {
    /// The object of a node that is written as one.
    pub(super) fn object(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut all = Members::with_capacity(node.members);
        self.fill(node, env, input, &mut all)?;
        Ok(Value::object(all))
    }

    /// Adds the members that a node gives.
    pub(super) fn fill(&self, node: &Node, env: &Env<'_>, input: &Value, all: &mut Members) -> Flow {
        match &node.kind {
            Kind::Record(names, values) => self.fill_record(names, values, env, input, all),
            Kind::If(condition, then, otherwise) => {
                self.charge(1)?;
                let branch = if self.truth(condition, env, input)? { then } else { otherwise };
                self.deeper(|| self.fill(branch, env, input, all))
            }
            Kind::Math(Math::Add, left, right, _) if left.members > 0 => {
                self.charge(1)?;
                let flow = self.deeper(|| {
                    self.fill(left, env, input, all).map_err(|stop| stop.at(left.span))?;
                    self.fill(right, env, input, all)
                });
                flow.map_err(|stop| stop.at(node.span))
            }
            _ => {
                let mut room = Value::Null;
                match self.view(node, env, input, &mut room)? {
                    Value::Object(more) => {
                        self.charge_items(all.len() + more.len(), more.len())?;
                        all.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
                        Ok(())
                    }
                    Value::Null => Ok(()),
                    other => Err(fail(format!("object and {} cannot be added", ops::described(other)))),
                }
            }
        }
    }

    fn fill_record(&self, names: &Names, values: &[Node], env: &Env<'_>, input: &Value, all: &mut Members) -> Flow {
        self.charge_items(all.len() + values.len(), values.len())?;
        if names.new {
            for (slot, value) in all.append_all(&names.all).zip(values) {
                self.put(value, env, input, slot)?;
            }
            return Ok(());
        }
        for (name, value) in names.all.iter().zip(values) {
            all.insert(name.clone(), self.one(value, env, input)?);
        }
        Ok(())
    }
}
