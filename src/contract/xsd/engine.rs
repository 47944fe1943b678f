//! The engines of a thread: a component model with the content models prepared from it, one for each schema.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use self_cell::self_cell;
use xsd_schema::SchemaSet;
use xsd_schema::namespace::NameTable;
use xsd_schema::validation::{SchemaValidator, ValidationFlags};

use super::names::StandIns;

type Validator<'a> = SchemaValidator<'a>;

self_cell!(
    struct Pair {
        owner: SchemaSet,

        #[covariant]
        dependent: Validator,
    }
);

/// A component model and the validator over it.
pub(crate) struct Engine {
    pair: Pair,
    stand_ins: StandIns,
    has_names_in_values: bool,
    /// What the names held when the engine was made.
    name_bytes: usize,
}

/// By how many bytes the names of an engine may grow before it is made anew. Only documents of schemas with values of
/// type `xs:QName` or `xs:NOTATION` make them grow at all.
const MAX_GROWTH: usize = 256 << 10;

impl Engine {
    fn new(set: SchemaSet, has_names_in_values: bool) -> Self {
        let stand_ins = StandIns::new(&set.name_table);
        let name_bytes = set.name_table.heap_bytes();
        let pair = Pair::new(set, |set| SchemaValidator::new(set, ValidationFlags::empty()));
        Self { pair, stand_ins, has_names_in_values, name_bytes }
    }

    /// The component model.
    pub(crate) fn set(&self) -> &SchemaSet {
        self.pair.borrow_owner()
    }

    /// The names of the schema. Looked up with `get` only, so that no document can make it grow.
    pub(crate) fn names(&self) -> &NameTable {
        &self.set().name_table
    }

    /// The names that stand for those that the schema does not know.
    pub(crate) fn stand_ins(&self) -> &StandIns {
        &self.stand_ins
    }

    /// Whether values of the schema can be names with prefixes.
    pub(crate) fn has_names_in_values(&self) -> bool {
        self.has_names_in_values
    }

    fn is_overgrown(&self) -> bool {
        self.names().heap_bytes() > self.name_bytes + MAX_GROWTH
    }

    /// The validator.
    pub(crate) fn validator(&self) -> &SchemaValidator<'_> {
        self.pair.borrow_dependent()
    }
}

thread_local! {
    static ENGINES: RefCell<Vec<(Weak<()>, Engine)>> = const { RefCell::new(Vec::new()) };
}

/// Gives this thread's engine of the schema to which `life` belongs, made from `set` where there is none yet.
/// Engines of schemas that are gone are dropped on the way.
pub(crate) fn with_engine<T>(
    life: &Arc<()>,
    set: impl FnOnce() -> Option<(SchemaSet, bool)>,
    run: impl FnOnce(&Engine) -> T,
) -> Option<T> {
    let find = |engines: &[(Weak<()>, Engine)]| {
        let mine = |(known, engine): &(Weak<()>, Engine)| {
            std::ptr::eq(known.as_ptr(), Arc::as_ptr(life)) && !engine.is_overgrown()
        };
        engines.iter().position(mine)
    };
    ENGINES.with(|engines| {
        let known = find(&engines.borrow());
        if known.is_none() {
            let (set, has_names_in_values) = set()?;
            let engine = Engine::new(set, has_names_in_values);
            let mut engines = engines.borrow_mut();
            engines.retain(|(life, engine)| life.strong_count() > 0 && !engine.is_overgrown());
            engines.push((Arc::downgrade(life), engine));
        }
        let engines = engines.borrow();
        let (_, engine) = engines.get(find(&engines)?)?;
        Some(run(engine))
    })
}
