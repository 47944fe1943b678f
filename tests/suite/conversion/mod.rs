//! XML to JSON and back by contract: the table of the formats, row by row, and its laws.

mod laws;
mod support;
mod table;
mod ubl;
mod vouching;
