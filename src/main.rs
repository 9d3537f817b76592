//! The `qfpay-sidecar` command.

fn main() {}
