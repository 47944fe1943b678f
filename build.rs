//! Has the relative relocations of the program packed, where its C library can load them so: a megabyte less that the
//! loader reads at each start and leaves in memory.

use std::process::Command;

/// The first glibc that loads them (`DT_RELR`).
const LOADS_PACKED: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let is_glibc = variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    // Of the C library of another machine nothing is known here.
    if is_glibc && variable("HOST") == variable("TARGET") && glibc().is_some_and(|version| version >= LOADS_PACKED) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's glibc, from a line as `glibc 2.36`.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = line.trim().rsplit(' ').next()?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
