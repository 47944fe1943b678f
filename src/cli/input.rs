//! What a command reads: documents from files and standard input.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use crate::message::Limits;

use super::{End, output};

/// Reads a document; `-` is standard input. Of a body that is too large it reads one byte too many, so that whoever
/// takes it refuses it.
pub(super) fn document(path: &Path, limits: &Limits) -> Result<Bytes, End> {
    let most = u64::try_from(limits.body_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut body)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut body))
    };
    match read {
        Ok(_) => Ok(body.into()),
        Err(error) => {
            let message = format!("`{}` cannot be read: {error}", path.display());
            Err(output::misuse(&message, Some("name a file, or `-` for standard input")))
        }
    }
}

/// How a document is named in messages.
pub(super) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() }
}
