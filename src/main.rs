//! The `trunkline` program: arguments in, exit code out.

use std::process::ExitCode;

/// A document is many small pieces: what hands out memory is a fifth of what a message costs.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    trunkline::cli::main()
}
