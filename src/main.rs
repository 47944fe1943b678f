//! The `trunkline` program: arguments in, exit code out.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// A message is taken by one thread, worked on by another and written by a third: the C library's allocator makes them
/// wait for each other, which costs the whole chain an eighth of its time.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    trunkline::cli::main()
}
