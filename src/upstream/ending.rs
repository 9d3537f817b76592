//! Whether an answer without a length ended where it should have.
//!
//! Such an answer ends with its connection, and an orderly end says nothing: a server that stops in the middle closes in
//! order too. QFPay answers in JSON, where a missing end shows.

/// Whether something is clearly missing: nothing came, or an object or a list that came is not closed. Other text may
/// be whole. QFPay's JSON is not always valid, so only brackets are counted.
pub(super) fn is_missing(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    match body.first() {
        None => true,
        Some(b'{' | b'[') => !is_closed(body),
        Some(_) => false,
    }
}

fn is_closed(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in json {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth == 0 && !in_string
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_of_an_object_is_seen() {
        let whole = "{\"respcd\": \"0000\", \"data\": [{\"a\": \"}]\\\"}\"}, {}], \"b\": {\"c\": 1,}}";
        assert!(!is_missing(whole.as_bytes()));
        for end in 0..whole.len() {
            assert!(is_missing(&whole.as_bytes()[..end]), "{}", &whole[..end]);
        }
    }

    #[test]
    fn what_is_no_json_may_be_whole() {
        for text in ["SUCCESS", "<html>", "PK\u{3}\u{4}{", "0"] {
            assert!(!is_missing(text.as_bytes()), "{text}");
        }
        assert!(is_missing(b" \r\n"));
    }
}
