//! The mapping checker over the expressions of routes: for each step, planted mistakes are found at their places, and the
//! routes without them raise no alarm, not even under `--strict`.

use std::fmt::Write;

use trunkline::config::{Environment, Project, Settings, Sources};
use trunkline::diagnostic::{Diagnostic, SourceFile};

mod cases;

use cases::{CASES, SCHEMAS, TRANSFORMS};

fn settings() -> Settings {
    let folder = tempfile::tempdir().expect("made");
    std::fs::write(folder.path().join("trunkline.yaml"), "store: { path: state/keys.redb }\n").expect("written");
    Settings::load(folder.path(), &Environment::default()).expect("is right")
}

fn sources(routes: &[(&str, &str)]) -> Sources {
    let named = |folder: &str, all: &[(&str, &str)]| {
        let file =
            |(name, text): &(&str, &str)| ((*name).to_owned(), SourceFile::new(format!("{folder}/{name}.yaml"), *text));
        all.iter().map(file).collect()
    };
    let schema = |(path, text): &(&str, &str)| ((*path).into(), SourceFile::new(format!("schemas/{path}"), *text));
    Sources {
        routes: named("routes", routes),
        transforms: named("transforms", TRANSFORMS),
        schemas: SCHEMAS.iter().map(schema).collect(),
        ..Sources::default()
    }
}

/// What is told of routes.
fn told(settings: &Settings, sources: &Sources, strict: bool) -> Vec<Diagnostic> {
    let mut project = Project::compile(settings.clone(), sources, Vec::new());
    assert!(project.is_sound(), "{:#?}", project.diagnostics);
    project.diagnostics.clear();
    project.check_mappings(strict);
    project.diagnostics
}

/// `TL307 12:9 text: message; hint`
fn line(found: &Diagnostic) -> String {
    let (line, column) = found.file.line_column(found.span.start);
    let text = found.file.text.get(found.span.clone()).unwrap_or_default();
    let hint = found.hint.as_deref().unwrap_or("no hint");
    format!("{} {line}:{column} `{text}`: {}; {hint}", found.code, found.message)
}

#[test]
fn routes_without_mistakes_raise_no_alarm() {
    let settings = settings();
    for (title, route, _) in CASES {
        let found = told(&settings, &sources(&[("r", route)]), true);
        assert!(found.is_empty(), "{title}: {:#?}", found.iter().map(line).collect::<Vec<_>>());
    }
}

#[test]
fn planted_mistakes_in_routes_are_found_at_their_places() {
    let settings = settings();
    let mut shown = String::new();
    for (title, route, mistakes) in CASES {
        writeln!(shown, "{title}").expect("writes");
        for (right, wrong) in *mistakes {
            assert!(route.contains(right), "{title} has no {right}");
            let route = route.replacen(right, wrong, 1);
            let found = told(&settings, &sources(&[("r", &route)]), false);
            writeln!(shown, "  {} -> {}", right.trim(), wrong.trim()).expect("writes");
            assert!(!found.is_empty(), "nothing is found: {title}: {right} -> {wrong}");
            for one in &found {
                writeln!(shown, "    {}", line(one)).expect("writes");
            }
        }
    }
    insta::assert_snapshot!(shown);
}

/// Nothing is known of these documents, or not in each round: no alarm, and `--strict` tells where.
const UNKNOWN: &str = "
from: { amqp: { queue: q } }
steps:
  - filter: { when: .anything == 1 }
  - call:
      amqp: { exchange: erp, routing_key_from: .key }
      merge: '{ id: .reply.id, whole: .message }'
  - loop:
      while: .page != null
      at_most: 3
      steps:
        - choice:
            - when: .page > 1
              steps:
                - log: .id
        - call:
            amqp: { exchange: erp, routing_key: page }
            merge: '.message + { page: .reply.next }'
  - routing_slip:
      names: $headers.slip
      stations:
        web:
          - log: .page
        phone:
          - call: { amqp: { exchange: erp, routing_key: other } }
  - to: { amqp: { exchange: out, routing_key: all } }
";

#[test]
fn where_nothing_is_known_only_strict_tells() {
    let settings = settings();
    let all = sources(&[("r", UNKNOWN)]);
    assert_eq!(told(&settings, &all, false), []);
    let found = told(&settings, &all, true);
    insta::assert_snapshot!(found.iter().map(line).collect::<Vec<_>>().join("\n"));
}

/// Steps that two routes share: what one of them needs is no mistake of the other's.
#[test]
fn shared_steps_are_wrong_only_if_they_are_wrong_for_all_who_run_them() {
    let settings = settings();
    let route = |contract: &str| {
        format!("from: {{ amqp: {{ queue: q-{contract} }} }}\naccepts: shop/{contract}\nsteps:\n  - run: both\n")
    };
    let (stock, line_of) = (route("stock"), route("line"));
    let mut all = sources(&[("stock", &stock), ("line", &line_of)]);
    let steps =
        "steps:\n  - log: .left // .quantity\n  - log: .sku\n  - to: { amqp: { exchange: out, routing_key: all } }\n";
    all.steps.insert("both".to_owned(), SourceFile::new("steps/both.yaml", steps));
    assert_eq!(told(&settings, &all, false), []);
    all.steps
        .insert("both".to_owned(), SourceFile::new("steps/both.yaml", steps.replace("log: .sku", "log: .article")));
    let found = told(&settings, &all, false);
    insta::assert_snapshot!(found.iter().map(line).collect::<Vec<_>>().join("\n"));
}
