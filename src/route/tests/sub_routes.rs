//! Files of steps that routes run.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::route::fake::Fake;
use crate::route::{Outcome, Plan, SubRoutes};

use super::{compiled_with, delivery, process};

fn compiled(route: &str, files: &[(&str, &str)]) -> (Option<Plan>, Vec<Diagnostic>) {
    let files: BTreeMap<String, SourceFile> = (files.iter())
        .map(|(name, text)| ((*name).to_owned(), SourceFile::new(format!("steps/{name}.yaml"), *text)))
        .collect();
    let (sub_routes, mut wrong) = SubRoutes::read(&files);
    let route =
        format!("from: {{ amqp: {{ queue: q }} }}\nsteps:\n{route}\n  - to: {{ amqp: {{ routing_key: after }} }}");
    let (plan, found) = compiled_with(&route, &sub_routes);
    wrong.extend(found);
    (plan, wrong)
}

const KNOWN: (&str, &str) = (
    "known",
    "steps:
  - { id: check, filter: { when: .id > 0 } }
  - choice:
      - when: .id > 1
        steps:
          - { id: big, run: chat/tell }",
);
const TELL: (&str, &str) =
    ("chat/tell", "steps: [set: { headers: { told: 'true' } }, to: { amqp: { routing_key: told } }]");

#[test]
fn steps_of_files_run_as_if_they_stood_in_the_route() {
    let (plan, diagnostics) = compiled("  - run: known\n  - { id: again, run: chat/tell }", &[KNOWN, TELL]);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let plan = plan.expect("a plan");
    let ids: Vec<_> = plan.all_steps().iter().map(|placed| placed.id.to_string()).collect();
    assert_eq!(
        ids,
        [
            "1-run",
            "1-run.check",
            "1-run.2-choice",
            "1-run.big",
            "1-run.big.1-set",
            "1-run.big.2-to",
            "again",
            "again.1-set",
            "again.2-to",
            "3-to"
        ]
    );
    let read: Vec<_> = plan.version().files.iter().map(|file| file.path.to_string()).collect();
    assert_eq!(read, ["routes/test.yaml", "steps/chat/tell.yaml", "steps/known.yaml"], "a reload knows of them");
    let text = &plan.file().text;
    assert!(plan.all_steps().iter().all(|placed| text.get(placed.span.clone()).is_some_and(|key| key != "filter")));

    let ports = Fake::new();
    let outcome = |body| process(&plan, &delivery(body), &ports).result.expect("no failure");
    assert_eq!(outcome(br#"{"id": 0}"#), Outcome::Filtered { step: "1-run.check".into() });
    assert!(ports.sent().is_empty());
    assert_eq!(outcome(br#"{"id": 2}"#), Outcome::Delivered);
    let sent: Vec<_> =
        ports.sent().iter().map(|(to, message)| (to.routing_key.to_string(), message.headers.len())).collect();
    assert_eq!(sent, [("told".to_owned(), 1), ("told".to_owned(), 1), ("after".to_owned(), 1)]);
}

#[test]
fn mistakes_are_named_in_their_files() {
    let twice = |other: &str| format!("steps: [run: {other}, run: {other}]");
    let doubling: Vec<(String, String)> = (0..7)
        .map(|level| {
            (
                format!("l{level}"),
                if level == 6 {
                    format!("steps: [{}]", "log: .id, ".repeat(20))
                } else {
                    twice(&format!("l{}", level + 1))
                },
            )
        })
        .collect();
    let doubling: Vec<(&str, &str)> = doubling.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let deep: Vec<(String, String)> =
        (0..9).map(|level| (format!("d{level}"), format!("steps: [run: d{}]", level + 1))).collect();
    let deep: Vec<(&str, &str)> = deep.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    for (route, files, file, expected) in [
        ("  - run: knwon", &[KNOWN, TELL][..], "routes/test.yaml", "there are no steps `knwon`"),
        ("  - run: a", &[("a", "steps: [filtre: { when: .id }]")], "steps/a.yaml", "unknown step `filtre`"),
        ("  - run: a", &[("a", "step: []")], "steps/a.yaml", "unknown key `step`"),
        ("  - run: a", &[("a", "steps: []")], "routes/test.yaml", "`steps/a.yaml` has no steps"),
        ("  - run: a", &[("a", "accepts: none\nsteps: [log: .id]")], "steps/a.yaml", "no contract `none`"),
        (
            "  - run: a",
            &[("a", "steps: [run: b]"), ("b", "steps: [loop: { while: .id, at_most: 2, steps: [run: a] }]")],
            "steps/b.yaml",
            "these steps run themselves: a -> b -> a",
        ),
        ("  - run: l0", &doubling, "steps/l6.yaml", "more than 1000 steps come into this route by `run`"),
        ("  - run: d0", &deep, "steps/d7.yaml", "files of steps run each other more than 8 deep"),
        (
            "  - split: { by: .a, steps: [run: a] }",
            &[("a", "steps: [idempotent: { key: .id }]")],
            "steps/a.yaml",
            "`idempotent` cannot stand among the steps of `split`",
        ),
    ] {
        let (plan, diagnostics) = compiled(route, files);
        let found: Vec<_> = diagnostics.iter().map(|one| (one.file.path.as_ref(), one.message.as_str())).collect();
        let named = found.iter().filter(|(path, message)| *path == file && message.contains(expected)).count();
        assert_eq!(named, 1, "{route}: {found:?}");
        assert!(plan.is_none() || expected.contains("unknown key"), "{route}");
    }
}
