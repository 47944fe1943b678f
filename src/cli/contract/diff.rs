//! `trunkline contract diff`: what a change of a contract breaks.

use std::path::Path;

use serde::Serialize;

use crate::contract::diff::{Break, Error, difference};

use super::super::{End, Style, contracts, output};

/// Which compatibility must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in super::super) enum Required {
    /// The new contract admits every document of the old one.
    Backward,
    /// The old contract admits every document of the new one.
    Forward,
    /// Both.
    Full,
}

#[derive(Serialize)]
struct Report<'a> {
    old: &'a str,
    new: &'a str,
    backward: Side<'a>,
    forward: Side<'a>,
}

#[derive(Serialize)]
struct Side<'a> {
    compatible: bool,
    breaks: &'a [Break],
}

pub(super) fn run(dir: &Path, [old, new]: [&str; 2], required: Required, style: Style) -> Result<End, End> {
    let (old_found, new_found) = (contracts::find(dir, old)?, contracts::find(dir, new)?);
    let found = difference(&old_found.contract, &new_found.contract).map_err(|error| {
        let hint = match error {
            Error::Formats => "compare two contracts of one format",
            Error::Root => "name the root element of each, as `erp/order#Order`",
        };
        output::misuse(&error.to_string(), Some(hint))
    })?;
    let (backward, forward) = (&found.backward, &found.forward);
    let text = match style {
        Style::Human => {
            let admits = [
                ("backward", backward, "the new contract admits every document of the old one"),
                ("forward", forward, "the old contract admits every document of the new one"),
            ];
            admits.map(|(name, breaks, good)| side(name, breaks, good)).concat()
        }
        Style::Json => {
            let report = Report {
                old,
                new,
                backward: Side { compatible: backward.is_empty(), breaks: backward },
                forward: Side { compatible: forward.is_empty(), breaks: forward },
            };
            let text = serde_json::to_string_pretty(&report);
            text.map_err(|error| output::misuse(&format!("the report cannot be written: {error}"), None))? + "\n"
        }
    };
    let holds = match required {
        Required::Backward => backward.is_empty(),
        Required::Forward => forward.is_empty(),
        Required::Full => backward.is_empty() && forward.is_empty(),
    };
    match output::data(&text) {
        End::Good if !holds => Err(End::Invalid),
        end => Ok(end),
    }
}

fn side(name: &str, breaks: &[Break], good: &str) -> String {
    if breaks.is_empty() {
        return format!("{name}: compatible, {good}\n");
    }
    let mut text = format!("{name}: broken\n");
    for one in breaks {
        let path = if one.path.is_empty() { "(the document)" } else { &one.path };
        text.push_str(&format!("  {path}: {}\n", one.message));
    }
    text
}
