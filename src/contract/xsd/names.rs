//! A document's names as the engine knows them, without ever teaching the engine a name.
//!
//! The engine keeps every name that it is told for ever. So names are only looked up, and those that the schema does
//! not know are given as stand-ins, which no schema can contain.

use xsd_schema::ids::NameId as EngineName;
use xsd_schema::namespace::NameTable;

use crate::format::xml::{ExpandedName, NameId, Node, Tree};

/// How many attributes that the schema does not know one element may have.
pub(crate) const MAX_UNKNOWN: usize = 64;

/// The stand-ins of an engine, made once with it.
#[derive(Debug)]
pub(crate) struct StandIns {
    namespace: EngineName,
    locals: Vec<EngineName>,
    prefix: EngineName,
}

/// Stands before the number of a stand-in; no XML name can contain it.
pub(crate) const MARK: char = '\u{1}';
/// The prefix of names in `xsi:type`, which the engine reads as text.
pub(crate) const PREFIX: &str = "trunkline-type";

impl StandIns {
    /// Makes the stand-ins of an engine.
    pub(crate) fn new(names: &NameTable) -> Self {
        Self {
            namespace: names.add("\u{1}"),
            locals: (0..MAX_UNKNOWN).map(|number| names.add(&format!("{MARK}{number}"))).collect(),
            prefix: names.add(PREFIX),
        }
    }

    /// The stand-in of the n-th unknown attribute of an element; `None` beyond [`MAX_UNKNOWN`].
    pub(crate) fn local(&self, number: usize) -> Option<EngineName> {
        self.locals.get(number).copied()
    }
}

/// An expanded name as the engine knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Namespace and local name.
    Name(Option<EngineName>, EngineName),
    /// The namespace is known, the local name in it is not.
    Unknown(Option<EngineName>),
}

/// Every name of a document, looked up once.
pub(crate) struct Names<'a> {
    table: &'a NameTable,
    stand_ins: &'a StandIns,
    /// By [`NameId`].
    known: Vec<Option<Known>>,
}

impl<'a> Names<'a> {
    /// Looks up every name that a document uses.
    pub(crate) fn of(tree: &Tree, table: &'a NameTable, stand_ins: &'a StandIns) -> Self {
        let mut known: Vec<Option<Known>> = vec![None; tree.names().count()];
        let mut learn = |id: NameId| {
            if let Some(slot @ None) = known.get_mut(id.0 as usize) {
                *slot = Some(look_up(table, stand_ins, tree.name(id)));
            }
        };
        for node in tree.nodes() {
            if let Node::Start(element) = node {
                learn(element.name);
                tree.attributes(element).iter().for_each(|attribute| learn(attribute.name));
            }
        }
        Self { table, stand_ins, known }
    }

    /// The engine's name of an element.
    pub(crate) fn element(&self, id: NameId) -> (Option<EngineName>, EngineName) {
        self.name(id, 0).unwrap_or((None, self.stand_ins.namespace))
    }

    /// The engine's name of an attribute; `number` counts the unknown ones of the element before it.
    pub(crate) fn name(&self, id: NameId, number: usize) -> Option<(Option<EngineName>, EngineName)> {
        match (*self.known.get(id.0 as usize)?)? {
            Known::Name(namespace, local) => Some((namespace, local)),
            Known::Unknown(namespace) => Some((namespace, self.stand_ins.local(number)?)),
        }
    }

    /// Whether the schema does not know this name.
    pub(crate) fn is_unknown(&self, id: NameId) -> bool {
        matches!(self.known.get(id.0 as usize), Some(Some(Known::Unknown(_))))
    }

    /// A type's name in a form that the engine can read without learning names, and the binding for it.
    pub(crate) fn xsi_type(&self, namespace: &str, local: &str) -> (String, Option<(EngineName, EngineName)>) {
        match (self.table.get(local), self.table.get(namespace)) {
            // Without a namespace there is no default namespace either: no prefix is needed, and none would do.
            (Some(_), _) if namespace.is_empty() => (local.to_owned(), None),
            (Some(_), Some(uri)) => (format!("{PREFIX}:{local}"), Some((self.stand_ins.prefix, uri))),
            _ => (UNKNOWN_TYPE.to_owned(), None),
        }
    }
}

/// Stands for a type that the schema does not have: its prefix is then not bound, and its local name always known.
pub(crate) const UNKNOWN_TYPE: &str = "trunkline-type:trunkline-type";

fn look_up(table: &NameTable, stand_ins: &StandIns, name: &ExpandedName) -> Known {
    let local = table.get(&name.local);
    if name.namespace.is_empty() {
        return local.map_or(Known::Unknown(None), |local| Known::Name(None, local));
    }
    match (table.get(&name.namespace), local) {
        (Some(namespace), Some(local)) => Known::Name(Some(namespace), local),
        (namespace, _) => Known::Unknown(Some(namespace.unwrap_or(stand_ins.namespace))),
    }
}
