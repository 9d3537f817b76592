//! Whose process is at the other end of a connection: what the kernel names, or why it names nobody.

use std::fmt;

/// The number that the kernel gives for users who have none here, as in another user namespace
/// (`/proc/sys/kernel/overflowuid`); many people are it, so it is proof of none.
const OVERFLOW: u32 = 65_534;

/// Whose process is at the other end of a connection, for as long as the connection lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The process's user, by number: on a unix socket its effective user when it connected, over TCP the owner of its
    /// socket, who is the user that made it.
    Is(u32),
    /// Not known: matches no user, whatever its number.
    Unknown(NoUser),
}

/// Why the user at the other end is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoUser {
    /// Over TCP, and nothing in the configuration asked for users when the connection came.
    NotAsked,
    /// Over TCP, and not from a loopback address of this machine to another.
    NotLoopback,
    /// The kernel knows no socket there that a process still holds: closed or reset before it was asked.
    Closed,
    /// The user has no number here and the kernel tells the overflow user.
    Overflow,
    /// The kernel cannot be asked: netlink is forbidden to this process, or the system has none.
    Refused,
    /// The listening socket belongs to another network namespace than this process, where the kernel was not asked.
    OtherNamespace,
    /// The kernel did not answer in time.
    TooLate,
}

impl User {
    /// The user that has this number, unless it stands for many.
    pub(super) fn of(uid: u32) -> Self {
        // The second reads as "no user" in many places of the kernel.
        if uid == OVERFLOW || uid == u32::MAX { Self::Unknown(NoUser::Overflow) } else { Self::Is(uid) }
    }

    /// The user's number, if it is known.
    pub fn uid(self) -> Option<u32> {
        match self {
            Self::Is(uid) => Some(uid),
            Self::Unknown(_) => None,
        }
    }
}

/// For logs: a number, or why there is none.
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(uid) => write!(f, "{uid}"),
            Self::Unknown(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for NoUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAsked => "unknown: not asked when the connection came",
            Self::NotLoopback => "unknown: not over loopback",
            Self::Closed => "unknown: the connection was closed at once",
            Self::Overflow => "unknown: a user of another namespace",
            Self::Refused => "unknown: the kernel may not be asked",
            Self::OtherNamespace => "unknown: another network namespace",
            Self::TooLate => "unknown: the kernel did not answer in time",
        })
    }
}
