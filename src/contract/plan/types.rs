//! What a plan is made of: tables that refer to each other by index, so that recursive types cost nothing.

use crate::message::Text;

/// Index of a name.
pub(crate) type NameIx = u32;
/// Index of a simple type.
pub(crate) type SimpleIx = u32;
/// Index of a type.
pub(crate) type TypeIx = u32;
/// Index of a namespace; 0 is none.
pub(crate) type NamespaceIx = u16;

/// A namespace with the prefix that the contract gives it.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) uri: Text,
    pub(crate) prefix: Text,
}

/// An expanded name.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) namespace: NamespaceIx,
    pub(crate) local: Text,
}

/// `whiteSpace`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whitespace {
    Preserve,
    Replace,
    Collapse,
}

/// What a value is in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    /// `xs:QName`, `xs:NOTATION`: a string with the contract's prefix.
    QName,
    Integer,
    Decimal,
    Double,
    /// With the lexical forms that the type's patterns leave for true and false.
    Boolean {
        yes: &'static str,
        no: &'static str,
    },
    List(SimpleIx),
}

/// A simple type, as far as conversion and the derived JSON Schema need it.
#[derive(Clone, Debug)]
pub(crate) struct Simple {
    pub(crate) kind: Kind,
    pub(crate) whitespace: Whitespace,
    pub(crate) facets: Facets,
}

/// The facets that the derived JSON Schema repeats, or that an outline tells besides; all optional.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facets {
    /// The values, sorted.
    pub(crate) enumeration: Option<Vec<Text>>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    /// Of texts, in XML Schema's own dialect: one of each list must match. The derived JSON Schema leaves them out.
    pub(crate) patterns: Vec<Vec<String>>,
    pub(crate) minimum: Option<(Text, bool)>,
    pub(crate) maximum: Option<(Text, bool)>,
}

/// A simple or complex type.
#[derive(Clone, Debug)]
pub(crate) enum Type {
    Simple(SimpleIx),
    Complex(Box<Complex>),
}

/// A complex type.
#[derive(Clone, Debug)]
pub(crate) struct Complex {
    /// Its name, if it has one.
    pub(crate) name: Option<NameIx>,
    /// Whether it is `xs:anyType`, as which anything may stand.
    pub(crate) is_any_type: bool,
    /// The types derived from it in one step, which `xsi:type` may name.
    pub(crate) derived: Vec<TypeIx>,
    pub(crate) is_abstract: bool,
    /// In the order declared.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) any_attribute: Option<Wildcard>,
    pub(crate) content: Content,
}

impl Complex {
    /// Whether the type has or admits attributes.
    pub(crate) fn has_attributes(&self) -> bool {
        !self.attributes.is_empty() || self.any_attribute.is_some()
    }
}

/// A declared attribute.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: NameIx,
    /// With its `@`.
    pub(crate) key: Text,
    pub(crate) simple: SimpleIx,
    pub(crate) required: bool,
    pub(crate) fixed: Option<Text>,
    /// Whether it may stand here only because a wildcard admits it.
    pub(crate) by_wildcard: bool,
}

/// The content of a complex type.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Empty,
    Simple(SimpleIx),
    Elements(Elements),
}

/// Element content.
#[derive(Clone, Debug)]
pub(crate) struct Elements {
    /// Every element that may stand here, those that wildcards admit included.
    pub(crate) children: Vec<Child>,
    /// Indexes of `children`, sorted by name.
    pub(crate) by_name: Vec<(NameIx, u16)>,
    /// Indexes of `children`, sorted by key.
    pub(crate) by_key: Vec<u16>,
    /// Children without which no document is valid.
    pub(crate) required: Vec<u16>,
    pub(crate) wildcards: Vec<Wildcard>,
    pub(crate) order: Order,
}

/// The slot of what only a wildcard admits, beside the indexes of children.
pub(crate) const ANY: u16 = u16::MAX;

/// An element that may stand in a content model.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) key: Text,
    pub(crate) element: Element,
    /// Whether it may occur more than once: an array.
    pub(crate) repeated: bool,
    /// Its place in [`Order::Names`], where that is one list of slots.
    pub(crate) position: u16,
}

/// An element declaration.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) name: NameIx,
    pub(crate) type_ix: TypeIx,
    pub(crate) nillable: bool,
    /// The value of an empty element: its default or fixed value.
    pub(crate) default: Option<Text>,
}

/// How the order of child elements is known.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// It follows from the names.
    Names {
        /// How to put them out.
        program: Vec<Emit>,
        /// Whether a document may have them in any order (`xs:all`).
        any: bool,
        /// Whether the program is one list of whole slots.
        plain: bool,
        /// The place of [`ANY`] in a plain program.
        any_position: u16,
    },
    /// It is kept as `#seq`.
    Sequence,
    /// It is kept as `#mixed`.
    Mixed,
}

/// One instruction of putting children out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Emit {
    /// All that is left of a slot.
    All(u16),
    /// The next few of a slot.
    Take(u16, u32),
    /// A group again and again, while one of its slots has something left.
    Loop(Vec<(u16, u32)>),
}

/// `xs:any` or `xs:anyAttribute`.
#[derive(Clone, Debug)]
pub(crate) struct Wildcard {
    pub(crate) namespaces: Namespaces,
    /// Whether an undeclared element or attribute is refused.
    pub(crate) strict: bool,
    /// Whether declarations are not looked at.
    pub(crate) skip: bool,
}

/// A namespace constraint by URIs; the empty one is no namespace.
#[derive(Clone, Debug)]
pub(crate) enum Namespaces {
    Any,
    Not(Vec<Text>),
    Only(Vec<Text>),
}

impl Namespaces {
    pub(crate) fn admits(&self, uri: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Not(list) => !list.iter().any(|one| one == uri),
            Self::Only(list) => list.iter().any(|one| one == uri),
        }
    }
}
