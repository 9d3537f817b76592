//! The arguments of the commands that need no running sidecar: `sign`, `explain`, `verify`, `trigger`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  qfpay-sidecar explain --sign 3CB3AA9C21D818AB4CAFAA8FA3FEACF4 txamt=100 txcurrcd=HKD 'goods_name=milk tea'
  qfpay-sidecar explain --sign 3CB3AA9C21D818AB4CAFAA8FA3FEACF4 --form 'txamt=100&goods_name=milk+tea'
  qfpay-sidecar explain --sign 3CB3AA9C21D818AB4CAFAA8FA3FEACF4 --body notification.json";

pub(super) const VERIFY_EXAMPLES: &str = "\
Examples:
  qfpay-sidecar verify --body notification.json --sign 3CB3AA9C21D818AB4CAFAA8FA3FEACF4
  qfpay-sidecar verify --body - --sign 3CB3AA9C21D818AB4CAFAA8FA3FEACF4 --app shop <notification.json";

pub(super) const TRIGGER_EXAMPLES: &str = "\
Examples:
  qfpay-sidecar trigger payment --to http://127.0.0.1:8080/notify.php
  qfpay-sidecar trigger refund --to http://127.0.0.1:8789/qfpay/notify --app demo";

/// What to explain.
#[derive(Clone, Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("subject").required(true).args(["form", "body", "parameters"]))]
pub(in crate::cli) struct ExplainOptions {
    /// The app whose key should have signed, by the name of its section; without it the default app.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) app: Option<String>,

    /// The signature that QFPay or a shop made.
    #[arg(long, value_name = "HEX")]
    pub(in crate::cli) sign: String,

    /// The hash that the request named; without it the app's, and MD5 for a body.
    #[arg(long, value_name = "TYPE", value_parser = ["MD5", "SHA256"])]
    pub(in crate::cli) sign_type: Option<String>,

    /// Parameters as a form body or query, as they were sent: 'a=1&b=x%20y'.
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) form: Option<String>,

    /// A file with the raw body of a notification or an answer; - is standard input. At most 1 MiB.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) body: Option<PathBuf>,

    /// Parameters as NAME=VALUE in the order sent, each value as it is, not encoded.
    #[arg(value_name = "NAME=VALUE")]
    pub(in crate::cli) parameters: Vec<String>,
}

/// What to verify.
#[derive(Clone, Debug, ClapArgs)]
pub(in crate::cli) struct VerifyOptions {
    /// A file with the raw body; - is standard input. At most 1 MiB.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) body: PathBuf,

    /// X-QF-SIGN as received, in either case.
    #[arg(long, value_name = "HEX")]
    pub(in crate::cli) sign: String,

    /// The app whose key must have signed, by the name of its section.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) app: Option<String>,
}

/// What to send where.
#[derive(Clone, Debug, ClapArgs)]
pub(in crate::cli) struct TriggerOptions {
    /// What the notification is about.
    #[arg(value_enum)]
    pub(in crate::cli) kind: Kind,

    /// The receiver: a http:// URL on this machine.
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) to: String,

    /// The app whose key signs, by the name of its section; without it the default app.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) app: Option<String>,

    /// Allows a receiver on another machine.
    #[arg(long)]
    pub(in crate::cli) allow_remote: bool,
}

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Kind {
    /// A payment was made.
    Payment,
    /// A payment was given back.
    Refund,
}

/// What to sign.
#[derive(Clone, Debug, ClapArgs)]
pub(in crate::cli) struct SignOptions {
    /// The app that signs, by the name of its section; without it the default app.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) app: Option<String>,

    /// Sign as the shop's server does, with its local key: exactly what is given, nothing added. A page with the key of
    /// browser.local_key_file; a page or a call with that of --caller.
    #[arg(long, conflicts_with = "app", requires = "path")]
    pub(in crate::cli) local_key: bool,

    /// The caller whose local key signs, by the name of its section; without it the only one that has a local key.
    #[arg(long, value_name = "NAME", requires = "local_key")]
    pub(in crate::cli) caller: Option<String>,

    /// The hash of a page; without it MD5 for the sign-in, and for the checkout what checkout.sign_type says.
    #[arg(long, value_name = "TYPE", value_parser = ["MD5", "SHA256"], requires = "local_key")]
    pub(in crate::cli) sign_type: Option<String>,

    /// The endpoint that is called: it decides whether the app's mchid is added.
    #[arg(long, value_name = "PATH", default_value = "/trade/v1/payment")]
    pub(in crate::cli) path: String,

    /// Parameters as a form body or query, percent-encoded: 'a=1&b=x%20y'.
    #[arg(long, value_name = "TEXT", conflicts_with = "parameters")]
    pub(in crate::cli) form: Option<String>,

    /// Parameters as NAME=VALUE, each value as it is, not encoded.
    #[arg(value_name = "NAME=VALUE")]
    pub(in crate::cli) parameters: Vec<String>,
}
