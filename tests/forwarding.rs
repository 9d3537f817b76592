//! What is forwarded and what is not: paths, methods, headers; and answers, byte for byte.

#[path = "forwarding/answers.rs"]
mod answers;
#[path = "forwarding/headers.rs"]
mod headers;
#[path = "forwarding/paths.rs"]
mod paths;
mod support;

/// One raw request with these header lines (each with its line end), and a body.
fn request(method: &str, target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}
