//! The page of the campaign, `docs/chaos.md`: a summary of all runs, then a section for each.

use std::path::Path;

use super::campaign::{MEMORY_MIB, Plan};
use super::report;

const HEAD: &str = "<!-- Written by `make chaos ARGS=\"… --write-docs\"`. -->
# The fault campaign

Numbered messages run through routes of the real program on a RabbitMQ of its own, while both are harmed.
[Guarantees](guarantees.md) tells what each fault does and what it may cost; this page is what the runs have shown.";

/// Writes a run's plot and section, and the summary of all; the sections of other runs stay.
pub fn write(plan: &Plan, tables: &str, plot: &str) -> std::io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let (name, file) = (plan.name(), format!("chaos-{}.svg", plan.name().replace(' ', "-")));
    std::fs::write(docs.join(&file), plot)?;
    let page = docs.join("chaos.md");
    let old = match std::fs::read_to_string(&page) {
        Ok(old) => old,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let text = format!("{name}\n\n![Latency and memory over time, the faults marked]({file})\n\n{}", tables.trim_end());
    std::fs::write(page, with(&old, &name, text))
}

/// The page with one section more, or another one of that name.
fn with(old: &str, name: &str, text: String) -> String {
    let others = old.split("\n## ").skip(1).filter(|section| section.starts_with("Run "));
    let is_other = |section: &&str| section.lines().next() != Some(name);
    let mut sections: Vec<String> = others.filter(is_other).map(|section| section.trim_end().to_owned()).collect();
    sections.push(text);
    sections.sort();
    let rows: Vec<&str> = sections.iter().filter_map(|section| row(section)).collect();
    let mut page = format!("{HEAD}\n\n## Summary\n\n{}{}", report::SUMMARY, rows.join("\n"));
    page.push_str(&total(&rows));
    page.push_str(&format!(
        "\n\nThe resident memory of the bus may not exceed {MEMORY_MIB} MiB in any run. The load is that of the whole \
         machine, with broker,\nproducer, participants and whatever else it does: what is above the number of cores \
         waits for one, which lengthens\nlatencies and recoveries.\n"
    ));
    for section in sections {
        page.push_str(&format!("\n## {section}\n"));
    }
    page
}

/// The row of a run: the first one of its section.
fn row(section: &str) -> Option<&str> {
    section.lines().find(|line| line.starts_with("| Run "))
}

/// The sum of each column that counts something.
fn total(rows: &[&str]) -> String {
    let mut cells = vec!["all".to_owned(), String::new()];
    cells.extend((2..report::COUNTED).map(|column| {
        let cell = |row: &&str| row.split(" | ").nth(column)?.parse::<usize>().ok();
        rows.iter().filter_map(cell).sum::<usize>().to_string()
    }));
    format!("\n| {} | | | |", cells.join(" | "))
}
