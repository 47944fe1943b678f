//! What operators see of the bus: names, logs, metrics.
