//! The HTTP face for operators: metrics and probes.
