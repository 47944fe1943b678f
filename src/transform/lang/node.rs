//! The compiled program: a tree of nodes, each with its place in the source.

use std::collections::BTreeMap;
use std::sync::Arc;

use jaq_core::ops::{Cmp, Math};

use super::native::Native;
use super::pattern::Regex;
use crate::message::{Near, Text, Value};

/// Bytes of the source, or nothing for what comes from the library of definitions.
pub(super) type Span = Option<(u32, u32)>;

/// One expression.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// Gives exactly one output, or fails.
    pub(super) one: bool,
    /// The most members of an object that is written here, or of a sum that begins with one; zero for all others.
    pub(super) members: usize,
}

/// A function of the program or of the library: its parameters are bound in order before the body runs.
#[derive(Debug)]
pub(super) struct Def {
    pub(super) body: Node,
}

/// An argument of a call.
#[derive(Debug)]
pub(super) enum Arg {
    /// Evaluated before the call, for `$name` parameters.
    Value(Node),
    /// Handed over as it stands.
    Filter(Node),
}

/// The names of the members of an object that is written in the program: constant, and each once.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) all: Box<[Text]>,
    /// None of them can stand in what the object is added to.
    pub(super) new: bool,
}

/// How `.[…] as PATTERN` takes a value apart.
#[derive(Debug)]
pub(super) enum Pattern {
    Var,
    Parts(Box<[(Node, Pattern)]>),
}

/// One step of a path.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) part: Part,
    /// Followed by `?`: what cannot be reached is left out.
    pub(super) optional: bool,
    pub(super) near: Near,
}

#[derive(Debug)]
pub(super) enum Part {
    Key(Text),
    Index(Node),
    Iterate,
    Slice(Option<Node>, Option<Node>),
}

impl Step {
    pub(super) fn new(part: Part, optional: bool) -> Self {
        let near = if let Part::Key(key) = &part { Near::new(key) } else { Near::default() };
        Self { part, optional, near }
    }

    /// One output for one input.
    pub(super) fn one(&self) -> bool {
        !self.optional
            && match &self.part {
                Part::Key(_) => true,
                Part::Index(index) => index.one,
                Part::Iterate => false,
                Part::Slice(from, to) => [from, to].into_iter().flatten().all(|bound| bound.one),
            }
    }
}

/// A piece of an interpolated string.
#[derive(Debug)]
pub(super) enum Piece {
    Text(Text),
    Node(Node),
}

/// The encodings of `@name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
    Csv,
    Tsv,
    Html,
    Uri,
    Urid,
    Sh,
    Base64,
    Base64d,
}

/// Functions over filters that cannot be written in the language itself, or not fast enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    Path,
    First,
    Last,
    Limit,
    Skip,
    Range,
    IsEmpty,
    Any,
    All,
    SortBy,
    GroupBy,
    UniqueBy,
    MinBy,
    MaxBy,
    Del,
    GetPath,
    Walk,
    Error,
    Combinations,
}

/// What to do with a regular expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RegexOp {
    Test,
    Match,
    Capture,
    Scan,
    Split,
    Splits,
    Sub,
}

#[derive(Debug)]
pub(super) enum Kind {
    Identity,
    Recurse,
    Empty,
    Not(Box<Node>),
    Const(Value),
    /// A bound variable, by the number of bindings between.
    Var(usize),
    /// A variable of the run.
    Global(usize),
    /// A filter parameter, by the number of bindings between.
    Closure(usize),
    Path(Box<Node>, Box<[Step]>),
    Pipe(Box<Node>, Box<Node>),
    Bind(Box<Node>, Pattern, Box<Node>),
    Comma(Box<[Node]>),
    Array(Box<Node>),
    /// Distinct constant keys, one value each.
    Record(Names, Box<[Node]>),
    Object(Box<[(Node, Node)]>),
    Interpolate(Format, Box<[Piece]>),
    Format(Format),
    Negate(Box<Node>),
    /// The flag allows string repetition: one side is a constant number.
    Math(Math, Box<Node>, Box<Node>, bool),
    Compare(Cmp, Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Alternative(Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Try(Box<Node>, Option<Box<Node>>),
    Reduce(Box<Fold>),
    Foreach(Box<Fold>, Option<Box<Node>>),
    Label(Box<Node>),
    Break(usize),
    Assign(Box<Node>, Box<Node>),
    Update(Box<Node>, Box<Node>),
    UpdateMath(Box<Node>, Math, Box<Node>),
    UpdateAlternative(Box<Node>, Box<Node>),
    /// A function, its arguments, and the number of bindings between the call and the definition.
    Call(usize, Box<[Arg]>, usize),
    Native(Native, Box<[Node]>),
    Special(Special, Box<[Node]>),
    Regex(RegexOp, Arc<Regex>, Option<Box<Node>>),
    Table(Arc<str>, Arc<BTreeMap<Text, Value>>),
}

/// The common part of `reduce` and `foreach`.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) source: Node,
    pub(super) pattern: Pattern,
    pub(super) init: Node,
    pub(super) update: Node,
}

impl Node {
    /// The constant that this node is.
    pub(super) fn constant(&self) -> Option<&Value> {
        match &self.kind {
            Kind::Const(value) => Some(value),
            _ => None,
        }
    }
}

impl Kind {
    /// Whether exactly one output follows, for any input that does not fail.
    pub(super) fn gives_one(&self, defs: &[Option<Def>]) -> bool {
        match self {
            Self::Identity | Self::Const(_) | Self::Var(_) | Self::Global(_) => true,
            Self::Array(_) | Self::Record(..) | Self::Format(_) | Self::Table(..) => true,
            Self::Recurse | Self::Empty | Self::Closure(_) | Self::Comma(_) | Self::Break(_) => false,
            Self::Path(base, steps) => base.one && steps.iter().all(Step::one),
            Self::Not(inner) | Self::Negate(inner) => inner.one,
            Self::Pipe(left, right) | Self::Math(_, left, right, _) | Self::Compare(_, left, right) => {
                left.one && right.one
            }
            Self::And(left, right) | Self::Or(left, right) | Self::Alternative(left, right) => left.one && right.one,
            Self::Bind(source, pattern, body) => source.one && pattern.one() && body.one,
            Self::Object(entries) => entries.iter().all(|(key, value)| key.one && value.one),
            Self::Interpolate(_, pieces) => pieces.iter().all(|piece| match piece {
                Piece::Text(_) => true,
                Piece::Node(node) => node.one,
            }),
            Self::If(condition, then, otherwise) => condition.one && then.one && otherwise.one,
            Self::Try(body, catch) => body.one && catch.as_ref().is_some_and(|catch| catch.one),
            Self::Reduce(fold) => fold.init.one,
            Self::Foreach(..) | Self::Label(_) => false,
            Self::Assign(path, value) | Self::UpdateMath(path, _, value) | Self::UpdateAlternative(path, value) => {
                value.one && !path.is_whole()
            }
            Self::Update(path, _) => !path.is_whole(),
            Self::Call(def, args, _) => {
                defs.get(*def).and_then(Option::as_ref).is_some_and(|def| def.body.one)
                    && args
                        .iter()
                        .all(|arg| matches!(arg, Arg::Filter(_)) || matches!(arg, Arg::Value(node) if node.one))
            }
            Self::Native(_, args) => args.iter().all(|arg| arg.one),
            Self::Special(special, args) => match special {
                Special::IsEmpty | Special::Any | Special::All | Special::SortBy | Special::GroupBy => true,
                Special::UniqueBy | Special::MinBy | Special::MaxBy | Special::Del => true,
                Special::GetPath => args.iter().all(|arg| arg.one),
                _ => false,
            },
            Self::Regex(op, ..) => matches!(op, RegexOp::Test | RegexOp::Split),
        }
    }
}

impl Node {
    /// Whether an update of this path may remove the input as a whole, so that nothing is left to give.
    fn is_whole(&self) -> bool {
        !matches!(&self.kind, Kind::Path(base, steps) if !steps.is_empty() && matches!(base.kind, Kind::Identity))
    }
}

impl Pattern {
    fn one(&self) -> bool {
        match self {
            Self::Var => true,
            Self::Parts(parts) => parts.iter().all(|(index, pattern)| index.one && pattern.one()),
        }
    }
}
