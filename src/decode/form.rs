//! `application/x-www-form-urlencoded`, in a body or a query.
//!
//! Also takes what QFPay's PHP and Java samples post under that name: unencoded text with raw spaces and raw UTF-8.

use super::{Charset, DecodeError, has_mark, mislabelled, named, push};
use crate::sign::{Sent, is_name};

/// The parameters that a shop may have no value for (protocol sheet, sections 3.1 and 3.9).
const OPTIONAL: [&str; 22] = [
    "auth_code",
    "cancel_url",
    "end_time",
    "expired_time",
    "extend_info",
    "failed_url",
    "goods_info",
    "goods_name",
    "lang",
    "limit_pay",
    "mchid",
    "notify_url",
    "openid",
    "out_trade_no",
    "pay_tag",
    "pay_type",
    "return_url",
    "start_time",
    "sub_openid",
    "syssn",
    "txdtm",
    "udid",
];

/// The bytes that mean something in a form.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    special[b'&' as usize] = true;
    special[b'=' as usize] = true;
    special[b'%' as usize] = true;
    special[b'+' as usize] = true;
    special
};

/// Decodes `name=value` pairs joined by `&`. `+` is a space; empty parts are nothing. Split and unescaped first, since no
/// charset that is taken has `&`, `=`, `%` or `+` within a character; decoded after.
pub(crate) fn decode(form: &[u8], charset: Charset) -> Result<Sent, DecodeError> {
    mislabelled::refuse_as_form(form.strip_prefix(b"\xef\xbb\xbf").unwrap_or(form))?;
    let mut sent = Sent::default();
    sent.params.reserve(form.len());
    // What is not escaped is not copied.
    let (mut name_room, mut value_room) = (Vec::new(), Vec::new());
    let (mut rest, mut before) = (form, &b""[..]);
    while let Some(part) = Part::next(&mut rest) {
        let Part { name, value, has_equals } = part.map_err(|part| no_equals(part, before))?;
        let name_as_sent = name.bytes;
        let name = unescape(name, &mut name_room)
            .ok_or_else(|| DecodeError::PercentEncoding("a parameter name".to_owned()))?;
        if has_mark(name) {
            return Err(DecodeError::MarkBeforeForm);
        }
        if let Some(what) = name.first().and_then(foreign) {
            return Err(DecodeError::BeforeName { what, place: behind(before) });
        }
        if has_equals && holds_another(value.bytes) {
            return Err(DecodeError::LinesNotJoined(named(&mut sent, name)?));
        }
        if matches!(value.bytes.last(), Some(b'\r' | b'\n')) {
            return Err(DecodeError::LineEnd(named(&mut sent, name)?));
        }
        match unescape(value, &mut value_room) {
            Some(value) => push(&mut sent, name, value, charset)?,
            None => {
                let name = named(&mut sent, name)?;
                return Err(DecodeError::PercentEncoding(format!("the value of parameter '{name}'")));
            }
        }
        before = name_as_sent;
    }
    Ok(sent)
}

/// A part without `=`. It may be a piece of a value, so that it is shown only if it is one of QFPay's names.
fn no_equals(part: &[u8], before: &[u8]) -> DecodeError {
    let name = OPTIONAL.into_iter().find(|name| name.as_bytes() == part);
    DecodeError::NoEquals { name, place: behind(before) }
}

/// Where a part stands, by the name before it as it was sent, if that can be shown.
fn behind(before: &[u8]) -> String {
    match std::str::from_utf8(before) {
        Ok("") => "at the beginning".to_owned(),
        Ok(name) if is_name(before) => format!("behind parameter '{name}'"),
        _ => "behind another parameter".to_owned(),
    }
}

/// What people and templates write before a name, in words: of a URL, of a file of lines, of a list with blanks.
fn foreign(byte: &u8) -> Option<&'static str> {
    match byte {
        b'?' => Some("a '?'"),
        b'\r' | b'\n' => Some("a line end"),
        b' ' | b'\t' => Some("a blank"),
        _ => None,
    }
}

/// Whether a raw line end stands in the value, and behind it a name and `=`.
fn holds_another(value: &[u8]) -> bool {
    let lines = value.split(|byte| matches!(byte, b'\r' | b'\n')).skip(1);
    lines
        .map(<[u8]>::trim_ascii_start)
        .any(|line| line.iter().position(|&byte| byte == b'=').is_some_and(|equals| is_name(&line[..equals])))
}

/// One `name=value` of a form.
struct Part<'f> {
    name: Escaped<'f>,
    value: Escaped<'f>,
    /// Whether there is a `=` in the value.
    has_equals: bool,
}

/// Bytes of a form, and whether there is a `%` or a `+` among them.
struct Escaped<'f> {
    bytes: &'f [u8],
    is_escaped: bool,
}

impl<'f> Part<'f> {
    /// Takes the next part that is not empty, in one pass over its bytes; as it is where it has no `=`.
    fn next(rest: &mut &'f [u8]) -> Option<Result<Self, &'f [u8]>> {
        while let Some(behind) = rest.strip_prefix(b"&") {
            *rest = behind;
        }
        let form = Some(*rest).filter(|form| !form.is_empty())?;
        let (mut end, mut equals, mut has_equals, mut escaped) = (0, None, false, [false; 2]);
        while let Some(next) = form[end..].iter().position(|&byte| SPECIAL[usize::from(byte)]) {
            end += next;
            match form[end] {
                b'&' => break,
                b'=' if equals.is_some() => has_equals = true,
                b'=' => equals = Some(end),
                _ => escaped[usize::from(equals.is_some())] = true,
            }
            end += 1;
        }
        if form.get(end) != Some(&b'&') {
            end = form.len();
        }
        *rest = &form[end..];
        let Some(equals) = equals else { return Some(Err(&form[..end])) };
        let (name, value) = (&form[..equals], &form[equals + 1..end]);
        let [in_name, in_value] = escaped;
        let name = Escaped { bytes: name, is_escaped: in_name };
        Some(Ok(Self { name, value: Escaped { bytes: value, is_escaped: in_value }, has_equals }))
    }
}

/// Decodes `+` and `%XX`, in `room` if there are any; nothing where a `%` is not followed by two hex digits, which lenient
/// decoders let through.
fn unescape<'t>(text: Escaped<'t>, room: &'t mut Vec<u8>) -> Option<&'t [u8]> {
    if !text.is_escaped {
        return Some(text.bytes);
    }
    room.clear();
    room.reserve(text.bytes.len());
    let mut bytes = text.bytes.iter().copied();
    while let Some(byte) = bytes.next() {
        room.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            other => other,
        });
    }
    Some(room)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::ParamError;

    fn decode(form: &[u8]) -> Result<Sent, DecodeError> {
        super::decode(form, Charset::UTF_8)
    }

    fn value(form: &[u8], name: &str) -> String {
        decode(form).unwrap().params.get(name).unwrap().to_owned()
    }

    #[test]
    fn spaces_come_in_three_spellings() {
        for form in [&b"goods_name=a+b"[..], b"goods_name=a%20b", b"goods_name=a b"] {
            assert_eq!(value(form, "goods_name"), "a b");
        }
        assert_eq!(value(b"goods_name=1%2B1%3d2", "goods_name"), "1+1=2");
        assert_eq!(value("goods_name=\u{8336}".as_bytes(), "goods_name"), "\u{8336}");
    }

    #[test]
    fn only_the_first_equals_sign_divides() {
        assert_eq!(value(b"package=prepay_id=wx1&x=1", "package"), "prepay_id=wx1");
        assert_eq!(value(b"&&flag=&x=1&", "flag"), "");
    }

    #[test]
    fn a_part_without_equals_sign_is_shown_only_if_it_is_a_name() {
        for (form, name, place) in [
            (&b"goods_name=Tom&Jerry&txamt=1"[..], None, "behind parameter 'goods_name'"),
            (b"txamt=1&goods_info&mchid=2", Some("goods_info"), "behind parameter 'txamt'"),
            (b"txamt", None, "at the beginning"),
            (b"tx%61mt=1&Jerry", None, "behind another parameter"),
        ] {
            let refused = DecodeError::NoEquals { name, place: place.to_owned() };
            assert_eq!(decode(form).unwrap_err(), refused, "{}", form.escape_ascii());
        }
    }

    #[test]
    fn what_stands_before_a_name_is_told() {
        for (form, what, place) in [
            (&b"?txamt=1"[..], "a '?'", "at the beginning"),
            (b"\r\ntxamt=1", "a line end", "at the beginning"),
            (b"txamt=1&\nmchid=2", "a line end", "behind parameter 'txamt'"),
            (b"txamt=1&+mchid=2", "a blank", "behind parameter 'txamt'"),
        ] {
            let refused = DecodeError::BeforeName { what, place: place.to_owned() };
            assert_eq!(decode(form).unwrap_err(), refused, "{}", form.escape_ascii());
        }
    }

    #[test]
    fn lines_that_nothing_joins_are_refused() {
        for form in [
            &b"txamt=1\nout_trade_no=X"[..],
            b"txamt=1\r\nout_trade_no=X\r\n",
            b"a=0&txamt=1\r\n\r\n  out_trade_no=&b=2",
        ] {
            let refused = DecodeError::LinesNotJoined("txamt".to_owned());
            assert_eq!(decode(form).unwrap_err(), refused, "{}", form.escape_ascii());
        }
        for text in ["a\nb", "x=1\ny", "a\nb c=d", "1+1=2\nand so on", "a\n=b"] {
            let form = format!("goods_name={}", text.replace('+', "%2B"));
            assert_eq!(value(form.as_bytes(), "goods_name"), text);
        }
        assert_eq!(value(b"goods_name=a%0Ab=c", "goods_name"), "a\nb=c");
    }

    #[test]
    fn broken_escapes_are_refused_by_name() {
        for broken in [&b"a=1&b=100%"[..], b"b=%4", b"b=%zz", b"b=%+1"] {
            assert_eq!(
                decode(broken).unwrap_err(),
                DecodeError::PercentEncoding("the value of parameter 'b'".to_owned())
            );
        }
        assert!(matches!(decode(b"%=1"), Err(DecodeError::PercentEncoding(_))));
    }

    #[test]
    fn gbk_is_refused_by_name() {
        let gbk = b"goods_name=%B2%E2%CA%D4";
        assert_eq!(
            decode(gbk).unwrap_err(),
            DecodeError::Param(ParamError::NotUtf8("goods_name".to_owned()))
        );
        assert_eq!(
            decode(b"goods_name=\xb2\xe2").unwrap_err(),
            DecodeError::Param(ParamError::NotUtf8("goods_name".to_owned()))
        );
    }

    #[test]
    fn a_raw_line_end_behind_a_value_is_refused_by_name() {
        for form in [&b"out_trade_no=n2\n"[..], b"out_trade_no=n2\r\n&txamt=1", b"out_trade_no=\r"] {
            assert_eq!(decode(form).unwrap_err(), DecodeError::LineEnd("out_trade_no".to_owned()));
        }
        assert_eq!(value(b"goods_name=a\nb&out_trade_no=n2%0A", "out_trade_no"), "n2\n");
    }

    #[test]
    fn json_that_says_it_is_a_form_is_refused_without_quoting_it() {
        assert_eq!(decode(b" {\"sub_openid\":\"canary\"}").unwrap_err(), DecodeError::JsonAsForm);
    }

    #[test]
    fn names_repeat_also_when_escaped() {
        assert_eq!(
            decode(b"txamt=1&tx%61mt=2").unwrap_err(),
            DecodeError::Param(ParamError::Repeated("txamt".to_owned()))
        );
    }
}
