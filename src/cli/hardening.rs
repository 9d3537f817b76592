//! No memory dumps: a dump would hold the keys.

use rustix::io;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Turns core dumps off, and with them reading this process's memory, environment and open files through `/proc` or a
/// debugger, for all users but root. In force until the process ends; there is no switch, since a dump holds the keys.
///
/// Comes before anything else, so that there is no moment at which a key could be read.
pub(super) fn forbid_dumps() {
    if let Err(cause) = not_dumpable().and(no_core_files()) {
        errln!("qfpay-sidecar: core dumps could not be turned off ({cause}); turn them off from outside");
    }
}

/// Holds whatever the core pattern is: a program that dumps are piped to does not heed the limit on their size.
#[cfg(target_os = "linux")]
fn not_dumpable() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

#[cfg(not(target_os = "linux"))]
fn not_dumpable() -> io::Result<()> {
    Ok(())
}

fn no_core_files() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
}
