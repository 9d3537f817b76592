//! The `qfpay-sidecar` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    qfpay_sidecar::cli::main()
}
