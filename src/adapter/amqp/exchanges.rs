//! Which exchanges exist: a publish to a missing one closes the channel under everything else that is in flight.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use lapin::ExchangeKind;
use lapin::options::ExchangeDeclareOptions;
use lapin::types::FieldTable;

use super::error::{PATIENCE, is_not_found, unavailable, within};
use super::session::Link;
use super::table::short;
use crate::endpoint::EndpointError;
use crate::message::Text;

/// A missing exchange is not asked for again before this time has passed.
const MISSING: Duration = Duration::from_secs(1);
/// More names than any set of routes has.
const KNOWN: usize = 4_096;

/// What one lane knows.
#[derive(Default)]
pub(super) struct Exchanges {
    /// `None`: it exists. Else when it was found to be missing.
    known: HashMap<Text, Option<Instant>>,
}

impl Exchanges {
    /// Asks the broker where it is not known; with a passive declaration on a channel of its own, which the broker
    /// closes if the exchange is missing. On the consuming connection, which is never blocked.
    pub(super) async fn exists(&mut self, link: &Link, exchange: &Text) -> Result<bool, EndpointError> {
        if exchange.is_empty() {
            return Ok(true);
        }
        match self.known.get(exchange) {
            Some(None) => return Ok(true),
            Some(Some(asked)) if asked.elapsed() < MISSING => return Ok(false),
            _ => {}
        }
        let exists = ask(link, exchange).await?;
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(exchange.clone(), (!exists).then(Instant::now));
        Ok(exists)
    }
}

async fn ask(link: &Link, exchange: &str) -> Result<bool, EndpointError> {
    let what = format!("looking for exchange `{exchange}`");
    let name = short("exchange", exchange).map_err(|error| EndpointError::Refused(error.to_string()))?;
    let channel = within(&what, link.consume.create_channel()).await?;
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let declared = channel.exchange_declare(name, ExchangeKind::Direct, passive, FieldTable::default());
    match tokio::time::timeout(PATIENCE, declared).await {
        Ok(Err(error)) if is_not_found(&error) => Ok(false),
        Ok(Err(error)) => Err(unavailable(&what, &error)),
        Err(_) => Err(EndpointError::Unavailable(format!("{what}: no answer from the broker within {PATIENCE:?}"))),
        Ok(Ok(())) => {
            within(&what, channel.close(200, "".into())).await?;
            Ok(true)
        }
    }
}
