//! Logs: text for people, JSON for machines, both on standard error, written by a thread of their own.

mod level;
mod line;
mod writer;

use std::io;
use std::sync::OnceLock;

use tracing::Level;

use crate::settings::section;
use level::LeastLevel;
use line::LineMaker;
use writer::Lines;

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

section! {
    /// How logs look.
    #[derive(Clone, Copy, Debug)]
    pub struct Log {
        /// For people or for collectors.
        pub format: LogFormat = choice("log.format", &FORMATS),
        /// The least important level that is written.
        pub level: Level = choice("log.level", &LEVELS),
    }
}

/// The least important level that is written, once logging runs.
static LEVEL: OnceLock<LeastLevel> = OnceLock::new();

/// Writes from now on what is as important as this, or more. Does nothing where logging does not run.
pub fn set_level(level: Level) {
    if let Some(least) = LEVEL.get() {
        least.set(level);
    }
}

/// Writes what still waits when it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it ends the gathering of lines"]
pub struct Flush(Option<Lines>);

impl Drop for Flush {
    fn drop(&mut self) {
        self.0.iter().for_each(Lines::flush);
    }
}

/// Starts logging for the whole process; the guard writes what still waits when it is dropped. A second call changes
/// nothing.
///
/// Panics are logged with their place and without their message, which could quote a value, and are written at once.
///
/// # Errors
/// The system gives no thread.
pub fn init(log: Log) -> io::Result<Flush> {
    let writer = Lines::start(io::stderr())?;
    let level = LeastLevel::new(log.level);
    let line_maker = LineMaker { level: level.clone(), format: log.format, lines: writer.clone() };
    // The only failure is that logging runs already.
    if tracing::subscriber::set_global_default(line_maker).is_err() {
        return Ok(Flush(None));
    }
    let _ = LEVEL.set(level);
    let of_panics = writer.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a defect: the code panicked");
        // It may be the last line of the process.
        of_panics.flush();
    }));
    Ok(Flush(Some(writer)))
}
