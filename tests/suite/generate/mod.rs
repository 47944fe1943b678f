//! Random valid documents of an XSD, from a seed.
//!
//! The generator reads the schema files by itself: it shares no code with the XSD engine nor with the plans that
//! conversion runs on, so that a misreading there shows. What it makes is an abstract [`Element`], which can be written
//! in many ways that mean the same (prefixes, white space, CDATA, comments, lexical forms).
//!
//! It knows what schemas of integrations are made of: sequences, choices, `xs:all`, groups, references, substitution
//! groups, extension and restriction, `xsi:type`, nillable elements, mixed content, wildcards, attributes and their
//! groups, lists, unions and facets. What it does not know it refuses loudly; nothing is left out in silence.

mod element;
mod model;
mod schema;
mod value;

pub use element::{Element, Forms, Item, Name, Style, Value};
pub use model::Generator;
pub use schema::Schemas;
