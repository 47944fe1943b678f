//! Settings from files and the environment.

use super::*;

fn read(text: &str, environment: &Environment) -> Result<Settings, Vec<String>> {
    let file = SourceFile::new("trunkline.yaml", text);
    Settings::read(&file, environment, Path::new(".")).map_err(|wrong| {
        let line = |found: Diagnostic| {
            let (line, column) = found.file.line_column(found.span.start);
            let hint = found.hint.unwrap_or_default();
            format!("{}:{line}:{column} {} {} ({hint})", found.file.path, found.code, found.message)
        };
        wrong.into_iter().map(line).collect()
    })
}

fn url(settings: &Settings) -> &str {
    match &settings.broker {
        Broker::Amqp(connection) => &connection.url,
        Broker::Embedded => "embedded",
    }
}

#[test]
fn defaults_are_complete() {
    let settings = read("", &Environment::default()).expect("is right");
    assert_eq!(url(&settings), "amqp://guest:guest@127.0.0.1:5672/%2f");
    assert!(settings.ops.listen.ip().is_loopback());
    assert_eq!(settings.limits.message(), message::Limits::default());
}

#[test]
fn what_reloads_the_bus_is_checked() {
    let remote = "ops: { listen: '0.0.0.0:9640', allow_remote: true }\nreload: { http: true, watch: 0s }\n";
    let wrong = read(remote, &Environment::default()).expect_err("is wrong");
    assert!(wrong[0].starts_with("trunkline.yaml:2:17 TL502 whoever reaches `0.0.0.0:9640`"), "{wrong:?}");
    assert!(wrong[1].starts_with("trunkline.yaml:2:30 TL502 the files cannot be looked at"), "{wrong:?}");
    let settings = read("reload: { http: true, watch: 5s }\n", &Environment::default()).expect("is right");
    assert_eq!(settings.reload.watch, Some(Duration(std::time::Duration::from_secs(5))));
}

#[test]
fn the_environment_overrides_any_value() {
    let environment = Environment::default()
        .with("TRUNKLINE__BROKER__URL", "amqp://u:p@h:5672/%2f")
        .with("TRUNKLINE__LIMITS__DEPTH", "12")
        .with("TRUNKLINE__LIMITS__BODY", "64KiB")
        .with("TRUNKLINE__LOG__FORMAT", "human")
        .with("TRUNKLINE_OTHER", "x");
    let settings = read("broker: embedded\nlimits: { depth: 5 }\n", &environment).expect("is right");
    assert_eq!(url(&settings), "amqp://u:p@h:5672/%2f");
    assert_eq!((settings.limits.depth, settings.limits.body), (12, Size(65_536)));
    assert_eq!(settings.log.format, logs::Format::Human);
    let settings = read("broker: { url: 'amqp://a' }", &Environment::default().with("TRUNKLINE__BROKER", "embedded"));
    assert_eq!(url(&settings.expect("is right")), "embedded");
}

#[test]
fn a_wrong_variable_is_named_without_its_value() {
    let environment = Environment::default().with("TRUNKLINE__LIMITS__DEPTH", "hunter2");
    assert_eq!(
        read("", &environment).expect_err("is wrong"),
        ["the environment:1:1 TL104 the value given here is not a whole number (write a whole number here)"]
    );
    let environment = Environment::default().with("TRUNKLINE__A", "").with("TRUNKLINE__BROKR__URL", "x");
    let wrong = read("", &environment).expect_err("is wrong");
    assert!(wrong[0].starts_with("the environment:1:1 TL102 unknown key `a`"), "{wrong:?}");
}

#[test]
fn secrets_are_resolved_in_scalars_and_never_shown() {
    let folder = tempfile::tempdir().expect("makes a folder");
    std::fs::write(folder.path().join("pw"), "s3cret\n").expect("writes");
    let text =
        format!("broker:\n  url: amqp://${{env:USER_NAME}}:${{file:{}/pw}}@h:5672/%2f\n", folder.path().display());
    let environment = Environment::default().with("USER_NAME", "erp");
    assert_eq!(url(&read(&text, &environment).expect("is right")), "amqp://erp:s3cret@h:5672/%2f");

    let wrong = read("broker:\n  url: ${env:NOPE}\n", &environment).expect_err("is wrong");
    assert!(wrong[0].starts_with("trunkline.yaml:2:8 TL501 the environment variable `NOPE` is not set"), "{wrong:?}");
    let wrong = read("log:\n  format: ${env:USER_NAME}\n", &environment).expect_err("is wrong");
    assert!(!wrong[0].contains("erp"), "{wrong:?}");
    assert!(wrong[0].starts_with("trunkline.yaml:2:11 TL108"), "{wrong:?}");
    let wrong = read("limits:\n  depth: ${env:USER_NAME}\n", &environment).expect_err("is wrong");
    assert!(!wrong[0].contains("erp"), "{wrong:?}");
    let wrong = read("broker: ${vault:x}\n", &environment).expect_err("is wrong");
    assert!(wrong[0].contains("write `${env:NAME}`"), "{wrong:?}");
}

#[test]
fn mistakes_have_places() {
    let wrong = |text| read(text, &Environment::default()).expect_err("is wrong").remove(0);
    assert_eq!(wrong("broker: { ulr: x }\n"), "trunkline.yaml:1:11 TL102 unknown key `ulr` (did you mean `url`?)");
    assert!(wrong("limits:\n  body: 16MB\n").starts_with("trunkline.yaml:2:9 TL108 `16MB` is not a size"));
    assert!(wrong("limits:\n  depth: many\n").starts_with("trunkline.yaml:2:10 TL104 expected a whole number"));
    assert!(wrong("broker: embeded\n").starts_with("trunkline.yaml:1:9 TL108 `embeded` is not `embedded`"));
    assert!(wrong("broker:\n  url: localhost\n").starts_with("trunkline.yaml:2:8 TL502 not a broker's URI"));
    assert!(wrong("broker: { tls: { key: x } }\n").starts_with("trunkline.yaml:1:16 TL502"));
    assert!(wrong("log: { level: 'a=b=c' }\n").starts_with("trunkline.yaml:1:15 TL502"));
    assert!(wrong("ops: { listen: '0.0.0.0:9640' }\n").starts_with("trunkline.yaml:1:16 TL502"));
    assert!(wrong("ops: { listen: 9640 }\n").starts_with("trunkline.yaml:1:16 TL104"));
    assert!(wrong("threads: 5000\n").starts_with("trunkline.yaml:1:10 TL502 5000 threads only wait for each other"));
}

#[test]
fn threads_may_be_left_out_or_none() {
    let threads = |text, environment| read(text, &environment).expect("is right").threads;
    assert_eq!(threads("", Environment::default()), None);
    assert_eq!(threads("threads: 0\n", Environment::default()), Some(0));
    assert_eq!(threads("threads: 0\n", Environment::default().with("TRUNKLINE__THREADS", "3")), Some(3));
}

#[test]
fn debug_shows_no_password() {
    let settings = read("broker: { url: 'amqp://u:s3cret@h' }", &Environment::default()).expect("is right");
    assert!(!format!("{settings:?}").contains("s3cret"));
}
