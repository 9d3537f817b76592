//! Events -> lines: text for people, or JSON for machines, handed to the writer as one piece each.
//!
//! A line per request is the dearest single thing that a call does beside its signature, so nothing is looked up here and a
//! thread makes all its lines in one buffer.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Debug, Write as _};
use std::io::Write as _;
use std::time::SystemTime;

use serde::Serializer as _;
use time::OffsetDateTime;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::LogFormat;
use super::level::LeastLevel;
use super::writer::Lines;

/// What `2026-11-29T18:53:46` takes, in bytes.
const SECOND: usize = 19;

thread_local! {
    /// The line that this thread is making. An event within an event, as of a value that logs, gets a buffer of its own.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// A second since 1970, and how it is written: most lines are of the same second as the one before.
    static CLOCK: Cell<(u64, [u8; SECOND])> = const { Cell::new((u64::MAX, [0; SECOND])) };
}

/// Makes lines of events up to a level.
#[derive(Debug)]
pub(super) struct LineMaker {
    pub(super) level: LeastLevel,
    pub(super) format: LogFormat,
    pub(super) lines: Lines,
}

impl Subscriber for LineMaker {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level.get()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.level.get()))
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = LINE.try_with(RefCell::take).unwrap_or_default();
        line.clear();
        let level = event.metadata().level().as_str();
        match self.format {
            LogFormat::Text => {
                push_time(&mut line);
                // Writing to memory does not fail.
                let _ = write!(line, " {level:>5}");
                event.record(&mut Text(&mut line));
            }
            LogFormat::Json => {
                line.extend_from_slice(b"{\"timestamp\":\"");
                push_time(&mut line);
                let _ = write!(line, "\",\"level\":\"{level}\"");
                event.record(&mut Json(&mut line));
                line.push(b'}');
            }
        }
        line.push(b'\n');
        self.lines.take_line(&line);
        let _ = LINE.try_with(|kept| kept.replace(line));
    }

    // There are no spans: a request's id stands in each of its lines.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The time in UTC, with microseconds.
fn push_time(line: &mut Vec<u8>) {
    let now = SystemTime::now();
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (second, mut text) = CLOCK.get();
    if second != since_1970.as_secs() {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        let _ = OffsetDateTime::from(now).format_into(&mut &mut text[..], format);
        CLOCK.set((since_1970.as_secs(), text));
    }
    line.extend_from_slice(&text);
    let (mut fraction, mut left) = (*b".000000Z", since_1970.subsec_micros());
    for digit in fraction[1..7].iter_mut().rev() {
        *digit += (left % 10) as u8;
        left /= 10;
    }
    line.extend_from_slice(&fraction);
}

/// ` name=value` for each field but the message, which is bare. Texts are quoted and escaped.
struct Text<'l>(&'l mut Vec<u8>);

impl Text<'_> {
    fn begin(&mut self, field: &Field) {
        self.0.push(b' ');
        if field.name() != "message" {
            self.0.extend_from_slice(field.name().as_bytes());
            self.0.push(b'=');
        }
    }
}

impl Visit for Text<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.begin(field);
        let _ = serde_json::to_writer(&mut *self.0, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.begin(field);
        let _ = serde_json::to_writer(&mut *self.0, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.begin(field);
        let plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if all(value, plain) {
            [b"\"", value.as_bytes(), b"\""].iter().for_each(|part| self.0.extend_from_slice(part));
        } else {
            let _ = write!(self.0, "{value:?}");
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.begin(field);
        let _ = write!(OneLine(self.0), "{value:?}");
    }
}

/// Whether all bytes are such. Looks at each, which takes less than a look whether to go on behind each.
fn all(text: &str, are: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, byte| all & are(byte))
}

/// Text without control characters, which could end the line, or speak to the terminal.
struct OneLine<'l>(&'l mut Vec<u8>);

impl fmt::Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if all(text, |byte| matches!(byte, b' '..=b'~')) {
            self.0.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        for part in text.split_inclusive(char::is_control) {
            let whole = part.trim_end_matches(char::is_control);
            self.0.extend_from_slice(whole.as_bytes());
            let _ = write!(self.0, "{}", part[whole.len()..].escape_default());
        }
        Ok(())
    }
}

/// `,"name":value` for each field.
struct Json<'l>(&'l mut Vec<u8>);

impl Json<'_> {
    fn begin(&mut self, field: &Field) {
        self.0.push(b',');
        let _ = serde_json::to_writer(&mut *self.0, field.name());
        self.0.push(b':');
    }
}

/// Writes a value as JSON does.
macro_rules! as_json {
    ($method:ident, $type:ty) => {
        fn $method(&mut self, field: &Field, value: $type) {
            self.begin(field);
            let _ = serde_json::to_writer(&mut *self.0, &value);
        }
    };
}

impl Visit for Json<'_> {
    as_json!(record_f64, f64);
    as_json!(record_i64, i64);
    as_json!(record_u64, u64);
    as_json!(record_bool, bool);
    as_json!(record_str, &str);

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.begin(field);
        let _ = serde_json::Serializer::new(&mut *self.0).collect_str(&format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use tracing::Level;

    struct Reader(mpsc::Sender<Vec<u8>>);

    impl std::io::Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What an event becomes, without the time before it.
    fn line(format: LogFormat, event: impl FnOnce()) -> String {
        let (written, read) = mpsc::channel();
        let lines = Lines::start(Reader(written)).unwrap();
        tracing::subscriber::with_default(
            LineMaker { level: LeastLevel::new(Level::INFO), format, lines },
            event,
        );
        String::from_utf8(read.recv().unwrap()).unwrap()
    }

    /// Every kind of field that events here have, with texts that would end a line or break a quote.
    fn odd() {
        let none: Option<&str> = None;
        tracing::warn!(
            text = "a \"b\" \\ \n\u{1b}[2J \u{8336}",
            plain = "a=b c",
            shown = %"x\r\ny\u{1b}z",
            none,
            some = Some(true),
            count = 7_u16,
            less = -7,
            ms = 0.159,
            "it\nis"
        );
    }

    #[test]
    fn a_text_line_is_one_line_whatever_stands_in_it() {
        let line = line(LogFormat::Text, odd);
        let (time, rest) = line.split_once(' ').unwrap();
        let format =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
        let time = time::PrimitiveDateTime::parse(time, format).unwrap().assume_utc();
        assert!((OffsetDateTime::now_utc() - time).abs() < time::Duration::minutes(1));
        let expected = concat!(
            r#" WARN it\nis text="a \"b\" \\ \n\u{1b}[2J "#,
            "\u{8336}",
            r#"" plain="a=b c" shown=x\r\ny\u{1b}z some=true count=7 less=-7 ms=0.159"#,
            "\n"
        );
        assert_eq!(rest, expected);
    }

    #[test]
    fn a_json_line_is_one_object_whatever_stands_in_it() {
        let line = line(LogFormat::Json, odd);
        assert_eq!(line.matches('\n').count(), 1);
        let mut line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(line.as_object_mut().unwrap().remove("timestamp").unwrap().as_str().unwrap().ends_with('Z'));
        let expected = serde_json::json!({
            "level": "WARN",
            "message": "it\nis",
            "text": "a \"b\" \\ \n\u{1b}[2J \u{8336}",
            "plain": "a=b c",
            "shown": "x\r\ny\u{1b}z",
            "some": true,
            "count": 7,
            "less": -7,
            "ms": 0.159,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn what_is_below_the_level_makes_no_line() {
        let line = line(LogFormat::Text, || {
            tracing::debug!("below");
            tracing::info!("at");
        });
        assert!(line.ends_with(" INFO at\n") && !line.contains("below"), "{line}");
    }
}
