//! Tells systemd how the service is (`Type=notify-reload`, `WatchdogSec=`); see sd_notify(3). Elsewhere it does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// All routes take messages, for the first time or after a reload.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The files are read again.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The bus finishes what is in flight.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Keeps the watchdog quiet as long as tasks of this process still run; for ever, if there is one.
pub async fn watchdog() {
    let Some(patience) = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero()) else {
        return std::future::pending().await;
    };
    let mut interval = tokio::time::interval(patience.div_f32(2.0).max(Duration::from_millis(1)));
    loop {
        interval.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(reason = %error, "systemd could not be told");
    }
}
