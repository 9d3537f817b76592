//! `[log]`: how logs look.

use tracing::Level;

use super::raw::Raw;

/// How logs look.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// For people or for collectors.
    pub format: LogFormat,
    /// The least important level that is written.
    pub level: Level,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Reads the section.
pub(super) fn log(raw: &mut Raw) -> Option<Log> {
    let format = raw.choice("log.format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    let levels = [
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("info", Level::INFO),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    let level = raw.choice("log.level", &levels);
    Some(Log { format: format?, level: level? })
}
