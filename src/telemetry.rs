//! Logs: text for people, JSON for machines, both on standard error.
//!
//! They go through a bounded queue to a thread of its own. A disk that is full, or a reader that stalled or went away,
//! costs lines, never a payment: a blocking write would stop every call, and a failing one must not panic.

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

use crate::config::{Log, LogFormat};

/// How many lines wait for a reader that is behind; further ones are dropped.
const WAITING_LINES: usize = 8192;

/// Starts logging for the whole process, until the guard is dropped, which writes what still waits. A second call
/// changes nothing.
///
/// Panics are logged with their place and without their message, which could quote a value.
pub fn init(log: Log) -> WorkerGuard {
    let queue = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES);
    let (writer, guard) = queue.thread_name("log").finish(std::io::stderr());
    let lines = fmt()
        .with_max_level(LevelFilter::from_level(log.level))
        .with_writer(writer)
        .with_target(false)
        .with_ansi(false)
        .log_internal_errors(false);
    // The only failure is that logging runs already.
    let _ = match log.format {
        LogFormat::Text => tracing::subscriber::set_global_default(lines.finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(lines.json().flatten_event(true).finish()),
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a defect: the code panicked");
    }));
    guard
}
