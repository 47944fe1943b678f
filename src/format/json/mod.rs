//! JSON (RFC 8259): a strict reader, writers, pointers (RFC 6901).
//!
//! The reader refuses what RFC 8259 leaves open and others guess at: duplicate keys, lone surrogates, a byte order
//! mark, depth and size without bound. Numbers keep the digits that were written.

mod lexer;
mod locate;
pub mod pointer;
mod reader;
mod writer;

pub use locate::locate;
pub use reader::read;
pub use writer::{compact, pretty, write};
