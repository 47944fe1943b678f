//! The files in `deploy/` are sound, and the page on operations leaves nothing out.

use std::process::Command;

use serde_json::Value;

use trunkline::config::{Environment, Settings};
use trunkline::diagnostic::{SourceFile, yaml};

use super::root;

#[test]
fn the_files_for_deployment_are_sound() {
    let folder = root().join("deploy");
    for name in ["compose.yaml", "prometheus.yml", "alerts.yml"] {
        let file = SourceFile::new(name, std::fs::read_to_string(folder.join(name)).expect("readable"));
        let read: Result<serde_json::Value, _> = yaml::parse(&file);
        assert!(read.is_ok(), "{name}: {:?}", read.err());
    }
    let linters: [(&str, &[&str]); 2] = [
        ("promtool", &["check", "config", "prometheus.yml"]),
        ("systemd-analyze", &["verify", "--recursive-errors=no", "trunkline.service"]),
    ];
    for (linter, arguments) in linters {
        match Command::new(linter).args(arguments).current_dir(&folder).output() {
            Err(_) => eprintln!("skipped: {linter} is not installed"),
            Ok(said) => {
                let text =
                    format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
                // The program is not installed where the tests run.
                let fine = said.status.success() || text.contains("is not executable");
                assert!(fine, "{linter}: {text}");
            }
        }
    }
}

#[test]
fn every_metric_in_an_alert_exists() {
    let alerts = std::fs::read_to_string(root().join("deploy/alerts.yml")).expect("readable");
    let metrics = std::fs::read_to_string(root().join("docs/reference/metrics.md")).expect("readable");
    let expressions = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let names: Vec<&str> = expressions
        .flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .filter(|word| word.starts_with("trunkline_"))
        .collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert!(metrics.contains(&format!("`{name}`")), "{name}");
    }
}

/// The composed service has the whole project, settings that hold, and time to finish.
#[test]
fn the_composed_service_runs_the_project() {
    let text = std::fs::read_to_string(root().join("deploy/compose.yaml")).expect("readable");
    let file = SourceFile::new("compose.yaml", text);
    let read: Value = yaml::parse(&file).expect("YAML");
    let service = &read["services"]["trunkline"];
    let variables = service["environment"].as_object().expect("a map").iter();
    let environment =
        variables.fold(Environment::default(), |all, (name, value)| all.with(name, value.as_str().expect("a text")));
    let settings = Settings::load(&root(), &environment).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let mounted = service["volumes"].as_array().expect("a list");
    let folders = &settings.directories;
    for name in ["trunkline.yaml", &folders.routes, &folders.transforms, &folders.schemas] {
        assert!(root().join(name).exists(), "{name}");
        assert!(mounted.contains(&format!("../{name}:/project/{name}:ro").into()), "{name}: {mounted:?}");
    }
    let unit = std::fs::read_to_string(root().join("deploy/trunkline.service")).expect("readable");
    let unit = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).expect("is set");
    for grace in [service["stop_grace_period"].as_str().and_then(|text| text.strip_suffix('s')), Some(unit)] {
        let grace: u64 = grace.expect("seconds").parse().expect("a number");
        assert!(grace > settings.shutdown.deadline.0.as_secs(), "{grace}");
    }
}

#[test]
fn every_header_of_ours_is_told() {
    let page = std::fs::read_to_string(root().join("docs/operations.md")).expect("readable");
    let code = std::fs::read_to_string(root().join("src/message/header_names.rs")).expect("readable");
    let constants = code.lines().filter(|line| line.starts_with("pub const "));
    let names: Vec<&str> =
        constants.filter_map(|line| line.split('"').nth(1)).filter(|name| !name.ends_with('-')).collect();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "`{name}` is not told");
    }
}
