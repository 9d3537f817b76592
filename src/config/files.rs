//! Reading files that an operator names: whole, regular, and bounded.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The largest file that is read, in bytes; a bundle of all public authorities has a quarter of it.
const LARGEST: u64 = 1 << 20;

/// The content of a file. A pipe would wait for a writer and a device might never end, so both are refused.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Asked before opening: opening a pipe would wait as well.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is a folder, a pipe or a device, not a file"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut content)?;
    match content.len() as u64 <= LARGEST {
        true => Ok(content),
        false => Err(io::Error::other("it is larger than 1 MiB")),
    }
}

/// The same, as text.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| io::ErrorKind::InvalidData.into())
}
