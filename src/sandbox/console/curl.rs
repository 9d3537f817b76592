//! A request as a command for a shell.

use super::super::received::Received;

/// Headers that curl makes itself, or that belong to one connection.
const OWN: [&str; 7] =
    ["host", "content-length", "connection", "transfer-encoding", "user-agent", "accept", "accept-encoding"];

/// The command that sends the same bytes to this sandbox again. A `sign` in it is worth nothing at QFPay.
pub(super) fn command(received: &Received, base: &str) -> String {
    let mut command =
        format!("curl -i -X {} {}", received.method, quoted(format!("{base}{}", received.target).as_bytes()));
    for (name, value) in received.headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        command.push_str(&format!(" \\\n  -H {}", quoted(format!("{name}: {value}").as_bytes())));
    }
    if !received.body.is_empty() {
        // Without this header curl says that the body is a form.
        if received.header("content-type").is_none() {
            command.push_str(" \\\n  -H 'content-type;'");
        }
        command.push_str(&format!(" \\\n  --data-binary {}", quoted(&received.body)));
    }
    command
}

/// One word of a shell, whatever is in it; bytes that do not print in bash's own spelling.
fn quoted(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(text) if !text.chars().any(char::is_control) && !text.starts_with('@') => {
            format!("'{}'", text.replace('\'', "'\\''"))
        }
        _ => {
            let one = |byte: &u8| match byte {
                b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
                b' '..=b'~' if *byte != b'@' => char::from(*byte).to_string(),
                other => format!("\\x{other:02x}"),
            };
            format!("$'{}'", text.iter().map(one).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bash itself says what the word is.
    #[test]
    fn a_shell_reads_the_same_bytes() {
        for text in
            [&b"a=1&b='x' $HOME `id`"[..], b"\x00"[1..].as_ref(), "茶\n\\n'".as_bytes(), b"\xff\xfe\\x41@a"]
        {
            let script = format!("printf %s {}", quoted(text));
            let said = std::process::Command::new("bash").arg("-c").arg(&script).output().unwrap().stdout;
            assert_eq!(said, text, "{script}");
        }
    }
}
