//! Lines of the log, gathered in memory and written by a thread of their own.
//!
//! A call copies its line and goes on, whatever becomes of the log: a disk that is full, or a reader that stalled or went
//! away, costs lines, and these are counted and told. Only the first line of a batch wakes the thread, because a wake per
//! line costs a call more than its line does.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long lines are gathered before they are written together.
const GATHER: Duration = Duration::from_millis(10);
/// As many bytes of lines wait while the reader is behind; further lines are dropped.
const MOST: usize = 1 << 20;
/// Beyond this the lines are written at once, so that a burst is not dropped while they are being gathered.
const PLENTY: usize = MOST / 2;
/// What the buffers keep between batches.
const KEPT: usize = 64 * 1024;
/// How long the end of the process, or of a panic, waits for a reader that may have stalled.
const LAST_CHANCE: Duration = Duration::from_millis(500);

/// Where lines are gathered. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    gathered: Mutex<Gathered>,
    /// There is something for the thread to do.
    work: Condvar,
    /// The thread has written all that was gathered.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct Gathered {
    lines: Vec<u8>,
    /// Lines that were dropped and not yet reported.
    dropped: u64,
    /// Nothing is to be waited for any more.
    hurry: bool,
    /// The thread is writing what it took.
    writing: bool,
}

impl Lines {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Self::default();
        let writer = lines.clone();
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || writer.write_to(out))?;
        Ok(lines)
    }

    /// Waits until everything gathered so far is written, for [`LAST_CHANCE`] at most.
    pub(super) fn flush(&self) {
        let mut gathered = self.gathered();
        gathered.hurry = true;
        self.0.work.notify_one();
        let waiting = |gathered: &mut Gathered| gathered.writing || !gathered.lines.is_empty();
        // Poisoned or late: there is no better moment to come.
        let _ = self.0.idle.wait_timeout_while(gathered, LAST_CHANCE, waiting);
    }

    /// Takes one whole line, or drops it.
    pub(super) fn take_line(&self, line: &[u8]) {
        let mut gathered = self.gathered();
        let before = gathered.lines.len();
        if before + line.len() > MOST {
            gathered.dropped += 1;
            return;
        }
        gathered.lines.extend_from_slice(line);
        let after = gathered.lines.len();
        drop(gathered);
        if before == 0 || (before < PLENTY && after >= PLENTY) {
            self.0.work.notify_one();
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        // Every change is complete or was not begun.
        self.0.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            self.take(&mut batch);
            let unwritten = write_all(&mut out, &batch);
            let lost = unwritten.iter().filter(|&&byte| byte == b'\n').count() as u64;
            batch.clear();
            batch.shrink_to(KEPT);
            let dropped = {
                let mut gathered = self.gathered();
                gathered.writing = false;
                gathered.dropped += lost;
                self.0.idle.notify_all();
                // Told only where something could be written.
                if lost == 0 { std::mem::take(&mut gathered.dropped) } else { 0 }
            };
            if dropped > 0 {
                tracing::error!(
                    lines = dropped,
                    "lines of this log were lost: its reader was behind or away"
                );
            }
        }
    }

    /// Waits for lines, gathers a while, and swaps all that there are into `batch`.
    fn take(&self, batch: &mut Vec<u8>) {
        let none = |gathered: &mut Gathered| gathered.lines.is_empty();
        let gathered = self.0.work.wait_while(self.gathered(), none).unwrap_or_else(PoisonError::into_inner);
        let few = |gathered: &mut Gathered| gathered.lines.len() < PLENTY && !gathered.hurry;
        let waited = self.0.work.wait_timeout_while(gathered, GATHER, few);
        let mut gathered = waited.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(&mut gathered.lines, batch);
        (gathered.hurry, gathered.writing) = (false, true);
    }
}

/// Writes all of it. Returns what cannot be written: nothing, unless the reader is gone or the disk is full.
fn write_all<'b>(out: &mut impl Write, mut bytes: &'b [u8]) -> &'b [u8] {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return bytes,
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Some other program that shares the terminal or pipe has made it non-blocking.
            #[expect(clippy::disallowed_methods, reason = "a thread of its own, no runtime's")]
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(GATHER),
            Err(_) => return bytes,
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    /// Hands each write to the test, which says when and how it ends.
    struct Reader {
        written: mpsc::Sender<Vec<u8>>,
        answers: mpsc::Receiver<io::Result<()>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.written.send(bytes.to_vec());
            self.answers.recv().unwrap_or(Ok(())).map(|()| bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start() -> (Lines, mpsc::Receiver<Vec<u8>>, mpsc::Sender<io::Result<()>>) {
        let ((written, seen), (answer, answers)) = (mpsc::channel(), mpsc::channel());
        (Lines::start(Reader { written, answers }).unwrap(), seen, answer)
    }

    fn log(lines: &Lines, line: &str) {
        lines.take_line(line.as_bytes());
    }

    #[test]
    fn lines_are_written_together_and_in_order() {
        let (lines, seen, answer) = start();
        log(&lines, "a\n");
        log(&lines, "b\n");
        assert_eq!(seen.recv().unwrap(), b"a\nb\n");
        // Gathered while the reader is behind.
        for line in ["c\n", "d\n", "e\n"] {
            log(&lines, line);
        }
        answer.send(Ok(())).unwrap();
        assert_eq!(seen.recv().unwrap(), b"c\nd\ne\n");
        answer.send(Ok(())).unwrap();
    }

    #[test]
    fn a_reader_that_is_behind_costs_lines_and_memory_is_bounded() {
        let (lines, seen, _answer) = start();
        log(&lines, "a\n");
        seen.recv().unwrap();
        let line = "x".repeat(1023) + "\n";
        for _ in 0..MOST / line.len() + 7 {
            log(&lines, &line);
        }
        let gathered = lines.gathered();
        assert_eq!((gathered.lines.len(), gathered.dropped), (MOST, 7));
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_the_next_ones_are_tried() {
        let (lines, seen, answer) = start();
        log(&lines, "a\nb\n");
        seen.recv().unwrap();
        answer.send(Err(ErrorKind::BrokenPipe.into())).unwrap();
        lines.flush();
        assert_eq!(lines.gathered().dropped, 2);
        log(&lines, "c\n");
        assert_eq!(seen.recv().unwrap(), b"c\n");
        answer.send(Ok(())).unwrap();
        lines.flush();
        assert_eq!(lines.gathered().dropped, 0);
    }

    #[test]
    fn a_flush_waits_for_the_writing_and_not_for_a_reader_that_stalled() {
        let (lines, seen, answer) = start();
        log(&lines, "a\n");
        let flushed = thread::scope(|scope| {
            let flushing = scope.spawn(|| lines.flush());
            seen.recv().unwrap();
            assert!(!flushing.is_finished());
            answer.send(Ok(())).unwrap();
            flushing.join()
        });
        flushed.unwrap();
        log(&lines, "b\n");
        let since = Instant::now();
        lines.flush();
        assert!(since.elapsed() >= LAST_CHANCE);
    }
}
