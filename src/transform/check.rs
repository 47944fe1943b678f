//! Follows mappings and expressions against the contracts on both sides, before any message comes.

use std::ops::Range;
use std::sync::Arc;

use super::documents::{Documents, shape};
use super::lang::{Finding, Followed, Shape, Target, misfits};
use super::{Embedded, Transform};
use crate::contract::{Contract, Format};
use crate::diagnostic::{Diagnostic, Severity, SourceFile, codes};
use crate::message::Value;

/// What is wanted of an expression.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Any value.
    Anything,
    /// A condition that holds for some of these documents.
    Holds(Arc<Documents>),
    /// A document of a contract.
    Document(Arc<Contract>),
    /// An array of documents, of a contract if one is named.
    Parts(Option<Arc<Contract>>),
    /// Text or a number, for this key of the file.
    Key(&'static str),
    /// A number, for this key of the file.
    Number(&'static str),
    /// Text, for this key of the file.
    Text(&'static str),
    /// An array of texts, for this key of the file.
    Names(&'static str),
}

/// An expression in its place: what it gets, and what is wanted of it.
#[derive(Clone, Debug)]
pub struct Use {
    /// The expression.
    pub expression: Arc<Embedded>,
    /// What it gets.
    pub input: Arc<Documents>,
    /// What is wanted of what it gives.
    pub wanted: Wanted,
}

/// A place where documents are to be of a contract.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// What gets there.
    pub documents: Arc<Documents>,
    /// What is to get there.
    pub contract: Arc<Contract>,
    /// The file that names the contract.
    pub file: SourceFile,
    /// Where it does.
    pub span: Range<usize>,
}

impl Transform {
    /// What the mapping reads that no document of its source has, and what it makes that is none of its target: errors.
    /// With `strict` also what only may be so: warnings.
    pub fn check(&self, strict: bool) -> Vec<Diagnostic> {
        let (from, to) = (shape(self.from()), shape(self.to()));
        let found = self.map.follow(&from, Some(target(&to, self.to().reference(), self.to().format()))).findings;
        found.into_iter().filter(|one| strict || one.certain).map(|one| self.map.tell(one)).collect()
    }
}

impl Use {
    /// What the expression reads that no document has that gets to it, and what it gives that is never what is wanted:
    /// errors. With `strict` also what only may be so: warnings.
    pub fn check(&self, strict: bool) -> Vec<Diagnostic> {
        let (wanted, name, format) = self.wanted.target();
        let tells_unknown = matches!(self.wanted, Wanted::Document(_) | Wanted::Parts(Some(_)));
        let target = wanted.as_ref().map(|wanted| Target { tells_unknown, ..target(wanted, name, format) });
        let Followed { findings: mut found, .. } = self.expression.follow(self.input.shape(), target);
        if !found.iter().any(|finding| finding.certain) {
            found.extend(self.never_holds());
        }
        found.extend(self.unknown());
        found.into_iter().filter(|one| strict || one.certain).map(|one| self.expression.tell(one)).collect()
    }

    /// The same expression for what gets to it on two ways, as in steps that several routes share: it is wrong if it is
    /// wrong on both.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let both = |a: &Arc<Documents>, b: &Arc<Documents>| Documents::one_of(vec![Arc::clone(a), Arc::clone(b)]);
        let wanted = match (&self.wanted, &other.wanted) {
            (Wanted::Holds(a), Wanted::Holds(b)) => Wanted::Holds(both(a, b)),
            (wanted, _) => wanted.clone(),
        };
        Self { input: both(&self.input, &other.input), wanted, ..self.clone() }
    }

    /// Where the expression stands.
    pub fn place(&self) -> (Arc<str>, usize) {
        (self.expression.file().path.clone(), self.expression.place(&(0..0)).start)
    }

    fn whole(&self, code: &'static str, message: String, hint: String, certain: bool) -> Finding {
        Finding { code, span: 0..self.expression.source().len(), message, hint, certain }
    }

    fn never_holds(&self) -> Option<Finding> {
        let Wanted::Holds(documents) = &self.wanted else { return None };
        let wrong = self.expression.reads_input()
            && !documents.shape().is_unknown()
            && self.expression.gives(documents.shape()).never_holds();
        let hint = match documents.names() {
            Some(names) => format!("no document of {names} is so"),
            None => "no document that gets here is so".to_owned(),
        };
        wrong.then(|| self.whole(codes::MAPPING_TYPE, "this condition never holds".to_owned(), hint, true))
    }

    /// What the expression looks at and nothing is known of.
    fn unknown(&self) -> Vec<Finding> {
        let unsure = |message: String, hint: &str| self.whole(codes::MAPPING_UNSURE, message, hint.to_owned(), false);
        if !self.expression.reads_input() {
            return Vec::new();
        }
        if self.input.shape().is_unknown() {
            let message = "nothing is known of the document here".to_owned();
            return vec![unsure(message, "name its contract: in `accepts`, or by `validate` before this step")];
        }
        // A name that only looks like the member's is told of once too often, under `strict`.
        let read = |name: &str| self.expression.source().contains(&format!(".{name}"));
        let unknown = self.input.unknown_members().into_iter().filter(|name| read(name));
        let told = unknown.map(|name| unsure(format!("nothing is known of `.{name}` here"), "name its contract"));
        told.collect()
    }
}

impl Wanted {
    fn target(&self) -> (Option<Shape>, &str, Format) {
        let json = |shape: Shape, name| (Some(shape), name, Format::Json);
        match self {
            Self::Anything | Self::Holds(_) => (None, "", Format::Json),
            Self::Document(contract) => (Some(shape(contract)), contract.reference(), contract.format()),
            Self::Parts(Some(contract)) => {
                (Some(Shape::array_of(&shape(contract), false)), contract.reference(), contract.format())
            }
            Self::Parts(None) => json(Shape::array_of(&Shape::anything(), false), "by"),
            Self::Key(name) => json(Shape::texts(true), name),
            Self::Number(name) => json(Shape::numbers(), name),
            Self::Text(name) => json(Shape::texts(false), name),
            Self::Names(name) => json(Shape::array_of(&Shape::texts(false), false), name),
        }
    }
}

impl Entrance {
    /// What gets there and never is of the contract.
    pub fn check(&self, strict: bool) -> Vec<Diagnostic> {
        let Self { documents, contract, .. } = self;
        if !documents.are_plain() {
            // Documents of contracts are compared by the names of these.
            return Vec::new();
        }
        let wanted = shape(contract);
        let found = match contract.format() {
            Format::Json => misfits(documents.shape(), target(&wanted, contract.reference(), Format::Json)),
            Format::Xml => vec![Finding {
                code: codes::MAPPING_TYPE,
                span: 0..0,
                message: format!("`{}` is XML, and what gets here is always JSON", contract.reference()),
                hint: "name the contract where the document is made".to_owned(),
                certain: true,
            }],
        };
        let found = found.into_iter().filter(|one| strict || one.certain);
        found.map(|one| told(one, &self.file, self.span.clone())).collect()
    }
}

impl Embedded {
    /// Follows the program from documents of a shape.
    pub(super) fn follow(&self, input: &Shape, target: Option<Target<'_>>) -> Followed {
        self.program().follow(self.source(), input, target)
    }

    fn gives(&self, input: &Shape) -> Shape {
        self.program().gives(self.source(), input)
    }

    fn tell(&self, finding: Finding) -> Diagnostic {
        let span = self.place(&finding.span);
        told(finding, self.file(), span)
    }
}

fn told(finding: Finding, file: &SourceFile, span: Range<usize>) -> Diagnostic {
    let severity = if finding.certain { Severity::Error } else { Severity::Warning };
    let found = Diagnostic::error(finding.code, file, span, finding.message);
    Diagnostic { severity, ..found.hint(finding.hint) }
}

fn target<'t>(shape: &'t Shape, name: &'t str, format: Format) -> Target<'t> {
    Target { shape, name, text_for_numbers: format == Format::Xml, tells_unknown: true }
}

/// Whether a document is one that the checker counts with. Every valid document is, and most others are not.
pub fn admits(contract: &Contract, document: &Value) -> bool {
    shape(contract).admits(document)
}
