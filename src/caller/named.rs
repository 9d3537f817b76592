//! Which app and which merchant a request names, in every place and spelling. Named but empty is not "none named": the
//! default would be paid, and another was meant.

use std::sync::Arc;

use hyper::http::HeaderMap;

use super::CallerError;
use crate::credentials::{App, Keyring};
use crate::decode::Decoded;
use crate::endpoint::Endpoint;
use crate::headers::is_alike;
use crate::outbound::APP_CODE_HEADER;

/// The API's name of the merchant, and the checkout's.
const MERCHANT: [&str; 2] = ["mchid", "mchntid"];

/// The app that a request names.
#[derive(Debug)]
pub struct Named<'k> {
    /// The app; `None` where none is named.
    pub app: Option<&'k Arc<App>>,
    /// Where a code is named and left empty, although nothing else would be taken in its place.
    pub left_empty: Option<&'static str>,
}

/// The app that the caller names by its `app_code`, in the header or as a parameter.
///
/// # Errors
/// [`CallerError`] when no app has that code, when the places disagree, or when what is named is empty and something else
/// would be taken for it.
pub fn named_app<'k>(
    keyring: &'k Keyring,
    endpoint: &Endpoint,
    headers: &HeaderMap,
    sent: &Decoded,
) -> Result<Named<'k>, CallerError> {
    let (code, left_empty) = app_code(keyring, endpoint, headers, sent)?;
    let known = |code| std::str::from_utf8(code).ok().and_then(|code| keyring.by_code(code));
    let app = code.map(|code| known(code).ok_or(CallerError::UnknownApp)).transpose()?;
    Ok(Named { app, left_empty })
}

/// The code that is named, and a place where it is left empty.
fn app_code<'r>(
    keyring: &Keyring,
    endpoint: &Endpoint,
    headers: &'r HeaderMap,
    sent: &'r Decoded,
) -> Result<(Option<&'r [u8]>, Option<&'static str>), CallerError> {
    let in_params = named(sent, endpoint.app_code_parameters());
    let mut first_two = in_params.clone();
    if let (Some((first, a)), Some((second, b))) = (first_two.next(), first_two.next())
        && (is_blank(a) || is_blank(b))
    {
        return Err(CallerError::Twice(first, second));
    }
    // Spelt X_QF_APPCODE it means the same to PHP, whose shops may have sent it that way for years.
    let alike = headers.iter().filter(|(name, _)| is_alike(name, &APP_CODE_HEADER));
    let in_headers = alike.map(|(_, value)| ("X-QF-APPCODE", value.as_bytes()));
    let (mut code, mut empty) = (None, None);
    for (name, value) in in_headers.chain(in_params) {
        match code {
            _ if is_blank(value) && (keyring.apps().len() > 1 || !value.is_empty()) => {
                return Err(CallerError::Empty(name));
            }
            _ if value.is_empty() => empty = Some(name),
            Some(other) if other != value => return Err(CallerError::AppConflict),
            _ => code = Some(value),
        }
    }
    Ok((code, empty))
}

/// The name under which the merchant is named and left empty, although nothing else would be taken in its place. `is_added`
/// says that a merchant would be, were none named.
///
/// # Errors
/// [`CallerError`] when something else would be taken for what is empty, or when two names of it are sent.
pub fn empty_merchant(
    is_added: bool,
    endpoint: &Endpoint,
    sent: &Decoded,
) -> Result<Option<&'static str>, CallerError> {
    let mut named = named(sent, &MERCHANT);
    match (named.next(), named.next()) {
        (Some((first, _)), Some((second, _))) => Err(CallerError::Twice(first, second)),
        (Some((name, value)), None)
            if is_blank(value) && is_added && endpoint.merchant_parameter().is_some() =>
        {
            Err(CallerError::Empty(name))
        }
        (Some((name, b"")), None) => Ok(Some(name)),
        _ => Ok(None),
    }
}

/// Those of these parameters that were sent, each with its value; `null` is empty.
fn named<'r>(
    sent: &'r Decoded,
    names: &'static [&'static str],
) -> impl Iterator<Item = (&'static str, &'r [u8])> + Clone {
    let value = |name| match sent.params.get(name) {
        None if sent.nulls.iter().any(|null| null == name) => Some(""),
        value => value,
    };
    names.iter().filter_map(move |&name| value(name).map(|value| (name, value.as_bytes())))
}

/// Nothing, or blanks only: also those of other scripts (U+3000, as Chinese keyboards write it) and those without a width.
fn is_blank(value: &[u8]) -> bool {
    let is_blank =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}');
    std::str::from_utf8(value).is_ok_and(|text| text.chars().all(is_blank))
}
