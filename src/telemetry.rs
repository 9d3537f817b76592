//! Logs: text for people, JSON for machines, both on standard error.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process. A second call changes nothing.
///
/// Panics are logged with their place and without their message, which could quote a value.
pub fn init(log: Log) {
    let lines = fmt()
        .with_max_level(LevelFilter::from_level(log.level))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false);
    // The only failure is that logging runs already.
    let _ = match log.format {
        LogFormat::Text => tracing::subscriber::set_global_default(lines.finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(lines.json().flatten_event(true).finish()),
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a defect: the code panicked");
    }));
}
