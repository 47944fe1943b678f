//! Runs plans: takes messages, runs them, settles them, and survives whatever the broker does.
