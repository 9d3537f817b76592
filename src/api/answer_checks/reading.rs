//! What an answer of QFPay's says, read in one pass without a copy.
//!
//! QFPay prints JSON, but not always valid JSON: its own examples have `"respcd": 0000` and a comma before the last bracket.
//! So this reader knows strings, brackets and bare words, and takes everything between them for separators. It never
//! fails; a value that is cut short is not a value.

use std::borrow::Cow;

/// The fields that matter, wherever they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Respcd,
    OutTradeNo,
    /// QFPay's own number for what was asked.
    Syssn,
    /// QFPay's own number for what that is about: the payment of a refund.
    OrigSyssn,
    Data,
}

impl Name {
    /// The field of a key. A key without escapes need not be text to be compared.
    fn of(key: Quoted<'_>) -> Option<Self> {
        let unescaped = if key.has_escapes { Some(key.text()?) } else { None };
        match unescaped.as_ref().map_or(key.inside(), |text| text.as_bytes()) {
            b"respcd" => Some(Self::Respcd),
            b"out_trade_no" => Some(Self::OutTradeNo),
            b"syssn" => Some(Self::Syssn),
            b"orig_syssn" => Some(Self::OrigSyssn),
            b"data" => Some(Self::Data),
            _ => None,
        }
    }
}

/// One value of a field that matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: Name,
    /// It is a member of the answer itself, and no list.
    pub(super) at_top: bool,
    /// Text without its escapes, or the digits of a number, without blanks at the ends and not empty.
    pub(super) value: Cow<'a, str>,
    /// It stands there without quotes, so leading zeros are lost.
    pub(super) is_number: bool,
}

/// Which object is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    /// `data`, or one of the rows in it.
    Inner,
}

/// Calls `each` for the fields of an answer: those of the object itself, of `data` in it, and of the rows of a list there.
pub(super) fn read<'a>(body: &'a [u8], mut each: impl FnMut(Field<'a>)) {
    let mut reader = Reader { rest: beginning(body) };
    let first = reader.peek();
    reader.bump();
    match first {
        Some(b'{') => reader.object(Level::Top, &mut each),
        Some(b'[') => reader.rows(&mut each),
        _ => {}
    }
}

/// A body from its first byte that is neither blank nor part of a byte order mark.
pub(super) fn beginning(body: &[u8]) -> &[u8] {
    let body = body.trim_ascii_start();
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start()
}

/// Whether something is clearly missing at the end: nothing came, or an object or a list that came is not closed. Other
/// text may be whole.
pub(super) fn is_cut_short(body: &[u8]) -> bool {
    let mut reader = Reader { rest: beginning(body) };
    match reader.peek() {
        None => true,
        Some(b'{' | b'[') => !reader.skip(),
        Some(_) => false,
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn bump(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// The members of an object whose bracket was taken, up to its end.
    fn object(&mut self, level: Level, each: &mut impl FnMut(Field<'a>)) {
        loop {
            match self.peek() {
                None => return,
                Some(b'}') => return self.bump(),
                Some(b'"') => {
                    let name = self.string().and_then(Name::of);
                    self.rest = self.rest.trim_ascii_start();
                    if self.peek() == Some(b':') {
                        self.bump();
                        self.rest = self.rest.trim_ascii_start();
                        self.member(name, level, each);
                    }
                }
                Some(b'{' | b'[') => _ = self.skip(),
                Some(_) => self.bump(),
            }
        }
    }

    /// The value of a member.
    fn member(&mut self, name: Option<Name>, level: Level, each: &mut impl FnMut(Field<'a>)) {
        match (name, self.peek()) {
            (Some(Name::Data), Some(b'{')) if level == Level::Top => {
                self.bump();
                self.object(Level::Inner, each);
            }
            (Some(Name::Data), Some(b'[')) if level == Level::Top => {
                self.bump();
                self.rows(each);
            }
            (Some(name), Some(b'[')) => {
                self.bump();
                self.items(name, each);
            }
            (_, Some(b'{' | b'[')) | (None, Some(b'"')) => self.step_over(),
            (None, _) => _ = self.word(),
            (Some(name), _) => {
                if let Some((value, is_number)) = self.scalar() {
                    each(Field { name, at_top: level == Level::Top, value, is_number });
                }
            }
        }
    }

    /// The rows of a list whose bracket was taken.
    fn rows(&mut self, each: &mut impl FnMut(Field<'a>)) {
        loop {
            match self.peek() {
                None => return,
                Some(b']') => return self.bump(),
                Some(b'{') => {
                    self.bump();
                    self.object(Level::Inner, each);
                }
                Some(_) => self.step_over(),
            }
        }
    }

    /// The values of a list whose bracket was taken.
    fn items(&mut self, name: Name, each: &mut impl FnMut(Field<'a>)) {
        loop {
            match self.peek() {
                None => return,
                Some(b']') => return self.bump(),
                Some(byte) if is_separator(byte) || matches!(byte, b'{' | b'[') => self.step_over(),
                Some(_) => {
                    if let Some((value, is_number)) = self.scalar() {
                        each(Field { name, at_top: false, value, is_number });
                    }
                }
            }
        }
    }

    /// A text or a number, and whether it is a number. Other bare words, such as `null`, name nothing, and neither do blanks.
    fn scalar(&mut self) -> Option<(Cow<'a, str>, bool)> {
        let is_number = self.peek() != Some(b'"');
        let value = if is_number {
            let word = std::str::from_utf8(self.word()?).ok()?;
            Cow::Borrowed(Some(word).filter(|word| word.bytes().all(|b| b.is_ascii_digit()))?)
        } else {
            match self.string()?.text()? {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
            }
        };
        (!value.is_empty()).then_some((value, is_number))
    }

    /// A bare word, if something stands behind it: otherwise more of it may be missing.
    fn word(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|&b| is_separator(b) || matches!(b, b'"' | b'{' | b'['));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        end.map(|_| word)
    }

    /// A string; none if its end is missing.
    fn string(&mut self) -> Option<Quoted<'a>> {
        let (mut end, mut has_escapes) = (1, false);
        loop {
            match self.rest.get(end) {
                None => {
                    self.rest = &[];
                    return None;
                }
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    end += 2;
                }
                Some(_) => end += 1,
            }
        }
        let (quoted, rest) = self.rest.split_at(end + 1);
        self.rest = rest;
        Some(Quoted { quoted, has_escapes })
    }

    /// Steps over a string, an object, a list, or one byte of anything else.
    fn step_over(&mut self) {
        match self.peek() {
            Some(b'"') => _ = self.string(),
            Some(b'{' | b'[') => _ = self.skip(),
            _ => self.bump(),
        }
    }

    /// Steps over an object or a list with all that is in it. Says whether it is closed.
    fn skip(&mut self) -> bool {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' if self.string().is_none() => return false,
                b'"' => continue,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.bump();
            if depth == 0 {
                return true;
            }
        }
        false
    }
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | b':' | b'}' | b']')
}

/// A string with its quotes, escapes as written.
#[derive(Clone, Copy)]
struct Quoted<'a> {
    quoted: &'a [u8],
    has_escapes: bool,
}

impl<'a> Quoted<'a> {
    fn inside(self) -> &'a [u8] {
        &self.quoted[1..self.quoted.len() - 1]
    }

    /// Its text; none if it is not text.
    fn text(self) -> Option<Cow<'a, str>> {
        if self.has_escapes {
            return serde_json::from_slice(self.quoted).ok().map(Cow::Owned);
        }
        std::str::from_utf8(self.inside()).ok().map(Cow::Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &[u8]) -> Vec<String> {
        let mut fields = Vec::new();
        read(body, |field| {
            let Field { name, at_top, value, is_number } = field;
            let place = if at_top { "" } else { "inner " };
            let kind = if is_number { "number " } else { "" };
            fields.push(format!("{place}{name:?} {kind}{value}"));
        });
        fields
    }

    #[test]
    fn values_are_found_where_they_may_stand() {
        for (body, expected) in [
            (r#"{"respcd": "0000", "out_trade_no": "A-1"}"#, &["Respcd 0000", "OutTradeNo A-1"][..]),
            (
                r#"{"respcd": 0000, "syssn": 20190722000300020081074842,}"#,
                &["Respcd number 0000", "Syssn number 20190722000300020081074842"],
            ),
            (r#"{"data": {"orig_syssn": " 7\t", "data": {"syssn": "8"}}}"#, &["inner OrigSyssn 7"]),
            (
                r#"{"data": [{"syssn": "7"}, [{"syssn": "x"}], {"out_trade_no": "A"}], "respcd": "1"}"#,
                &["inner Syssn 7", "inner OutTradeNo A", "Respcd 1"],
            ),
            (r#"[{"out_trade_no": "A"}]"#, &["inner OutTradeNo A"]),
            (
                r#"{"out_trade_no": ["A", 7, null, ["x"], {"a": "x"}]}"#,
                &["inner OutTradeNo A", "inner OutTradeNo number 7"],
            ),
            (r#"{"syssn": "1", "syssn": "2"}"#, &["Syssn 1", "Syssn 2"]),
            ("\u{feff} {\"respcd\":\"0000\"} and {\"respcd\":\"1\"}", &["Respcd 0000"]),
            ("\n\u{feff}{\"out_trade_no\":\"\\u0041\\/\\\"\"}", &["OutTradeNo A/\""]),
            (r#"{"out\u005ftrade_no":"A"}"#, &["OutTradeNo A"]),
            (
                r#"{"a": "}", "b": {"respcd": "1"}, "c": [{"respcd": "1"}], "respcd" : "0000"}"#,
                &["Respcd 0000"],
            ),
            (r#"{"a": "\"respcd\":\"1\"", "pay_params": {"out_trade_no": "7"}}"#, &[]),
            (r#"{"respcd": null, "syssn": "", "out_trade_no": " ", "syssn": 1.5, "syssn": true}"#, &[]),
            (r#"{"respcd": {"respcd": "0000"}}"#, &[]),
            (r#""respcd":"0000""#, &[]),
            ("<html>{\"respcd\":\"0000\"}</html>", &[]),
        ] {
            assert_eq!(fields(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(fields(b"{\"out_trade_no\": \"\xff\", \"respcd\": \"0000\"}"), ["Respcd 0000"]);
    }

    #[test]
    fn what_is_cut_short_is_no_value() {
        for whole in [r#"{"respcd":"0000""#, r#"{"respcd":0000,"#] {
            assert_eq!(fields(whole.as_bytes()).len(), 1);
            for end in 0..whole.len() {
                assert!(fields(&whole.as_bytes()[..end]).is_empty(), "{}", &whole[..end]);
            }
        }
    }

    #[test]
    fn every_cut_of_an_object_is_seen() {
        let whole = "{\"respcd\": \"0000\", \"data\": [{\"a\": \"}]\\\"}\"}, {}], \"b\": {\"c\": 1,}}";
        assert!(!is_cut_short(whole.as_bytes()));
        for end in 0..whole.len() {
            assert!(is_cut_short(&whole.as_bytes()[..end]), "{}", &whole[..end]);
        }
    }

    #[test]
    fn what_is_no_json_may_be_whole() {
        for text in ["SUCCESS", "<html>", "PK\u{3}\u{4}{", "0"] {
            assert!(!is_cut_short(text.as_bytes()), "{text}");
        }
        assert!(is_cut_short(b" \r\n"));
    }

    #[test]
    fn any_depth_is_read() {
        let deep = [&b"{\"a\":"[..], &b"[{\"a\":".repeat(100_000), b"1"].concat();
        assert!(fields(&deep).is_empty() && is_cut_short(&deep));
    }
}
