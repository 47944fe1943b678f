//! What the doctor says: one record for people and programs.

use std::fmt::{self, Display};

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// It does not fit: something does not work until somebody changes something.
    Difference,
    /// It is not there yet, and the bus makes it at its start.
    Missing,
    /// It works, and is good to know.
    Note,
}

/// One thing that is not as the routes declare it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What it is about, as ``queue `orders` ``.
    pub(super) subject: String,
    /// What the routes or settings declare.
    pub(super) declared: String,
    /// What the broker has.
    pub(super) there: String,
    /// What to do.
    pub(super) remedy: String,
    /// Which routes want it; none if all do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) routes: Vec<String>,
}

impl Finding {
    pub(super) fn new(level: Level, subject: impl Into<String>) -> Self {
        let (declared, there, remedy) = (String::new(), String::new(), String::new());
        Self { level, subject: subject.into(), declared, there, remedy, routes: Vec::new() }
    }

    pub(super) fn difference(subject: impl Into<String>) -> Self {
        Self::new(Level::Difference, subject)
    }

    pub(super) fn note(subject: impl Into<String>) -> Self {
        Self::new(Level::Note, subject)
    }

    /// What is not there yet, and is made by the bus.
    pub(super) fn to_be_made(subject: impl Into<String>, declared: impl Into<String>, routes: &[String]) -> Self {
        let finding = Self::new(Level::Missing, subject).declared(declared).there("nothing of that name");
        finding.remedy("nothing: `trunkline run` makes it").of(routes)
    }

    /// For people, what is said of one thing and ends in one remedy stands together.
    pub(super) fn together(all: &[Self]) -> Vec<Self> {
        let mut merged: Vec<Self> = Vec::new();
        for one in all {
            match merged.last_mut() {
                Some(last)
                    if (last.level, &last.subject, &last.remedy, &last.routes)
                        == (one.level, &one.subject, &one.remedy, &one.routes) =>
                {
                    last.declared = format!("{}, {}", last.declared, one.declared);
                    last.there = format!("{}, {}", last.there, one.there);
                }
                _ => merged.push(one.clone()),
            }
        }
        merged
    }

    pub(super) fn declared(self, declared: impl Into<String>) -> Self {
        Self { declared: declared.into(), ..self }
    }

    pub(super) fn there(self, there: impl Into<String>) -> Self {
        Self { there: there.into(), ..self }
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    pub(super) fn of(self, routes: &[String]) -> Self {
        Self { routes: routes.to_vec(), ..self }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Difference => "differs",
            Level::Note => "note",
            // There may be many, and there is nothing to do.
            Level::Missing => return write!(f, "not there yet: {}, {}", self.subject, self.declared),
        };
        write!(f, "{level}: {}", self.subject)?;
        for (name, text) in [("declared", &self.declared), ("there", &self.there), ("do", &self.remedy)] {
            if !text.is_empty() {
                write!(f, "\n  {name:<9} {text}")?;
            }
        }
        if !self.routes.is_empty() {
            write!(f, "\n  {:<9} {}", "wanted by", self.routes.join(", "))?;
        }
        Ok(())
    }
}
