//! The arguments of `order`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

pub(in crate::cli) const ORDER_EXAMPLES: &str = "\
Examples:
  qfpay-sidecar order order-1001
  qfpay-sidecar order 20261129000200020000000001 --mchid M123 --config /etc/qfpay-sidecar/production.toml";

/// Which order.
#[derive(Clone, Debug, ClapArgs)]
pub(in crate::cli) struct OrderOptions {
    /// Its number: the shop's out_trade_no, or QFPay's syssn.
    #[arg(value_name = "NUMBER")]
    pub(in crate::cli) number: String,

    /// The app_code of its app; without it the default app's.
    #[arg(long, value_name = "CODE")]
    pub(in crate::cli) app_code: Option<String>,

    /// Its merchant, if it is another than the app's.
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) mchid: Option<String>,

    /// The file of a caller's token, where callers need one.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,

    /// Print the whole answer as JSON.
    #[arg(long)]
    pub(in crate::cli) json: bool,

    /// How long to wait for the sidecar, in milliseconds.
    #[arg(long, default_value_t = 5000, value_name = "MS")]
    pub(in crate::cli) timeout_ms: u64,
}
