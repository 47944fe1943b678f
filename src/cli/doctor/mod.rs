//! `trunkline doctor`: what the routes declare against what the broker has, before anything is started. It changes
//! nothing.

mod finding;
mod limits;
mod managed;
mod objects;
mod permissions;
mod wanted;

use std::path::Path;

use serde::Serialize;

use crate::adapter::amqp::Amqp;
use crate::adapter::management::{self, Management};
use crate::config::settings::Broker;
use crate::config::{Environment, Project, Settings};
use crate::endpoint::EndpointError;

use super::{End, Style, output, visit};
use finding::{Finding, Level};
use managed::Manager;
use wanted::Wanted;

/// What was asked for beside the project.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) style: Style,
    /// Take what is not there yet for a difference.
    pub(super) complete: bool,
    /// The management API, instead of the one of the settings.
    pub(super) management: Option<&'a str>,
}

#[derive(Serialize)]
struct Report {
    /// Whether nothing differs.
    fits: bool,
    /// `host:port`.
    broker: String,
    virtual_host: String,
    /// As `3.10.8`; only the management API tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// How much was compared.
    exchanges: usize,
    queues: usize,
    bindings: usize,
    /// Differences first.
    findings: Vec<Finding>,
    /// What nobody told, and how to have it told.
    not_looked_at: Vec<String>,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("a certificate cannot be read: {0}")]
    Certificate(#[from] std::io::Error),
    #[error(transparent)]
    Uri(#[from] crate::adapter::amqp::UriError),
    #[error(transparent)]
    Broker(#[from] EndpointError),
    #[error(transparent)]
    Management(#[from] management::Error),
}

pub(super) fn run(dir: &Path, asked: &Asked<'_>) -> End {
    let project = Project::load(dir, &Environment::of_process());
    if let Some(end) = output::refuse_broken(&project) {
        return end;
    }
    let Broker::Amqp(connection) = &project.settings.broker else {
        let hint = "name a RabbitMQ by `broker.url`, or by TRUNKLINE__BROKER__URL";
        return output::misuse("the broker is `embedded`: it is empty at every start", Some(hint));
    };
    let look = async {
        let amqp = Amqp::new(connection.adapter(dir)?)?;
        let management = asked.management.or(connection.management.as_deref()).map(Management::new).transpose()?;
        examine(&project, &amqp, management.as_ref()).await
    };
    match visit::at_broker(look) {
        Ok(Ok(report)) => tell(report, asked),
        Ok(Err(error)) => output::misuse(&error.to_string(), None),
        Err(end) => end,
    }
}

async fn examine(project: &Project, amqp: &Amqp, management: Option<&Management>) -> Result<Report, Error> {
    let Settings { limits, .. } = &project.settings;
    let wanted = Wanted::of(&project.plans);
    let found = amqp.inspect(&wanted.topology).await?;
    let mut findings = objects::compare(&wanted, &found, amqp.user());
    let foreign = objects::foreign_queues(&wanted);
    findings.extend(objects::compare_foreign(&wanted, &foreign, &amqp.inspect(&foreign).await?));
    findings.extend(limits::of_connection(&wanted, &found));
    findings.extend(limits::of_size(limits, &amqp.accepts(limits::largest(limits)).await?, amqp.user()));
    let (mut version, mut not_looked_at) = (None, Vec::new());
    match management {
        None => not_looked_at.push(
            "bindings, policies, permissions, alarms of nodes: enable the broker's plugin `rabbitmq_management` and name \
             it with `broker.management: http://user:password@host:15672`, or with `--management URL`"
                .to_owned(),
        ),
        Some(api) => {
            version = api.overview().await?.map(|overview| overview.rabbitmq_version);
            let manager = Manager { api, vhost: amqp.virtual_host() };
            findings.extend(manage(&manager, &wanted, amqp.user(), &mut not_looked_at).await?);
        }
    }
    findings.sort_by_key(|finding| finding.level);
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        if !once.contains(&finding) {
            once.push(finding);
        }
    }
    Ok(Report {
        fits: true,
        broker: amqp.address(),
        virtual_host: amqp.virtual_host().to_owned(),
        version,
        exchanges: wanted.topology.exchanges.len(),
        queues: wanted.topology.queues.len(),
        bindings: wanted.topology.bindings.len(),
        findings: once,
        not_looked_at,
    })
}

/// What the management API tells; what its user may not see is not looked at.
async fn manage(
    manager: &Manager<'_>,
    wanted: &Wanted<'_>,
    user: &str,
    not_looked_at: &mut Vec<String>,
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let mut unless_denied = |answer: Result<Vec<Finding>, management::Error>, what: &str| match answer {
        Err(denied @ management::Error::Denied { .. }) => {
            not_looked_at.push(format!("{what}: {denied}"));
            Ok(())
        }
        answer => answer.map(|more| findings.extend(more)),
    };
    unless_denied(manager.nodes().await, "nodes")?;
    for exchange in &wanted.topology.exchanges {
        unless_denied(manager.exchange(wanted, exchange).await.map(Vec::from_iter), "exchanges")?;
    }
    for queue in &wanted.topology.queues {
        unless_denied(manager.queue(wanted, queue).await, "queues, bindings and policies")?;
    }
    for to in &wanted.destinations {
        unless_denied(manager.destination(wanted, to).await.map(Vec::from_iter), "bindings of exchanges")?;
    }
    let may = manager.permissions(wanted, user).await;
    let told = !matches!(may, Ok(None));
    unless_denied(may.map(Option::unwrap_or_default), "permissions")?;
    if !told {
        not_looked_at
            .push(format!("permissions: the broker does not tell those of `{user}` in a way that can be read"));
    }
    not_looked_at.dedup();
    Ok(findings)
}

fn tell(mut report: Report, asked: &Asked<'_>) -> End {
    let worst = if asked.complete { Level::Missing } else { Level::Difference };
    report.fits = report.findings.iter().all(|finding| finding.level > worst);
    match asked.style {
        Style::Json => match serde_json::to_string_pretty(&report) {
            Ok(text) => drop(output::data(&(text + "\n"))),
            Err(error) => return output::misuse(&format!("the report cannot be written: {error}"), None),
        },
        Style::Human => {
            let findings = Finding::together(&report.findings);
            for (number, finding) in findings.iter().enumerate() {
                output::say(&finding.to_string());
                let next = findings.get(number + 1).map(|next| next.level);
                // What is not there yet takes a line each.
                if (finding.level, next) != (Level::Missing, Some(Level::Missing)) {
                    output::say("");
                }
            }
            for what in &report.not_looked_at {
                output::say(&format!("not looked at: {what}\n"));
            }
            output::say(&summary(&report));
        }
    }
    if report.fits { End::Good } else { End::Invalid }
}

fn summary(report: &Report) -> String {
    let number = |level| report.findings.iter().filter(|finding| finding.level == level).count();
    let looked = [(report.exchanges, "exchange"), (report.queues, "queue"), (report.bindings, "binding")];
    let looked = looked.map(|(number, what)| output::count(number, what)).join(", ");
    let version = report.version.as_ref().map(|version| format!(" (RabbitMQ {version})")).unwrap_or_default();
    let differences = output::count(number(Level::Difference), "difference");
    let (missing, notes) = (number(Level::Missing), output::count(number(Level::Note), "note"));
    format!(
        "compared {looked} with {}, virtual host `{}`{version}: {differences}, {missing} not there yet, {notes}",
        report.broker, report.virtual_host
    )
}
