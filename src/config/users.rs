//! Users and groups of this machine: a name becomes its number.

use super::files;

/// A text that is no user or group of this machine.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{file} has no such {what}; write a name that stands there, or the number of a {what} from elsewhere"
)]
pub(super) struct Unknown {
    what: &'static str,
    file: &'static str,
}

/// The number of a user.
pub(super) fn user(text: &str) -> Result<u32, Unknown> {
    number(text, Unknown { what: "user", file: "/etc/passwd" })
}

/// The number of a group.
pub(super) fn group(text: &str) -> Result<u32, Unknown> {
    number(text, Unknown { what: "group", file: "/etc/group" })
}

/// Reads a number, or looks a name up. Directories of users elsewhere (LDAP) are not asked: a start must not wait for them.
fn number(text: &str, unknown: Unknown) -> Result<u32, Unknown> {
    // The largest number means "leave it as it is" to the system.
    if let Ok(number) = text.parse::<u32>()
        && number != u32::MAX
    {
        return Ok(number);
    }
    let found = files::read(unknown.file.as_ref())
        .ok()
        .and_then(|lines| listed(&String::from_utf8_lossy(&lines), text));
    found.ok_or(unknown)
}

/// The third field of the line that begins with this name.
fn listed(lines: &str, name: &str) -> Option<u32> {
    lines.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name && !name.is_empty()).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read_and_others_refused() {
        assert_eq!((user("root"), group("root"), user("33"), group("0")), (Ok(0), Ok(0), Ok(33), Ok(0)));
        for wrong in ["no-such-user", "4294967295", "-1", "root:x", " root"] {
            assert!(user(wrong).unwrap_err().to_string().contains("/etc/passwd has no such user"), "{wrong}");
        }
        assert_eq!(listed("shop:x:1001:33::/:/bin/sh\nbroken\nwww-data:x:33:\n", "www-data"), Some(33));
        assert_eq!(listed("shop:x:many:33", "shop"), None);
    }
}
