//! Whatever is done to a project's files, the answer is a plan or findings that can be shown: each with a place in its
//! file and a hint, and never a panic.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

use trunkline::config::{Project, Settings, Sources, render};
use trunkline::diagnostic::SourceFile;

/// What people and editors do to files by mistake.
const PIECES: [&str; 24] = [
    "", " ", "\n", "\t", ":", "- ", "{", "}", "[", "]", "'", "\"", "|", "#", "é", "\u{0}", "&a ", "*a", "!!x ", "<<: ",
    "?", "0x", "...\n", "---\n",
];

fn example() -> Sources {
    let mut wrong = Vec::new();
    let sources = Sources::read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/check/58-reply-misplaced"),
        &Settings::default().directories,
        &mut wrong,
    );
    assert!(wrong.is_empty() && sources.routes.len() == 1 && sources.schemas.len() == 2, "{wrong:?}");
    sources
}

/// Puts a piece in the place of some bytes.
fn mutate(file: &SourceFile, at: Index, gone: usize, piece: &str) -> SourceFile {
    let start = file.text.floor_char_boundary(at.index(file.text.len() + 1));
    let end = file.text.floor_char_boundary((start + gone).min(file.text.len()));
    SourceFile::new(file.path.clone(), format!("{}{piece}{}", &file.text[..start], &file.text[end..]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn findings_can_always_be_shown(
        which in any::<Index>(),
        at in any::<Index>(),
        gone in 0..12_usize,
        piece in proptest::sample::select(&PIECES[..]),
    ) {
        let mut sources = example();
        let files = sources.routes.values_mut().chain(sources.transforms.values_mut()).chain(sources.schemas.values_mut());
        let mut files: Vec<&mut SourceFile> = files.collect();
        let count = files.len();
        let file = &mut files[which.index(count)];
        **file = mutate(file, at, gone, piece);
        let text = file.text.clone();
        let project = Project::compile(Settings::default(), &sources, Vec::new());
        for found in &project.diagnostics {
            prop_assert!(render::human(found, false).contains(&*found.file.path));
            prop_assert!(found.span.start <= found.file.text.len(), "{found:?}");
            prop_assert!(found.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "no hint: {} {}\n{text}", found.code, found.message);
            let (line, _) = found.file.line_column(found.span.start);
            prop_assert!(line as usize <= found.file.text.split('\n').count());
        }
    }
}
