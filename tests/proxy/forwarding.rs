//! What is forwarded and what is not: paths, methods, headers; and answers, byte for byte.

mod answers;
mod headers;
mod paths;

/// One raw request with these header lines (each with its line end), and a body.
fn request(method: &str, target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}
