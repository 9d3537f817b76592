//! Reading that survives a stop of the process.

use std::io::{self, ErrorKind};

/// Does it again while the system interrupts it. A read with a time limit is interrupted when the process is stopped and
/// continued, as a machine that is paused does to all of them; `read_exact` and its like see to that themselves.
pub fn uninterrupted<T>(mut read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match read() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
