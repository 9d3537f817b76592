//! Who calls, as a table: sections, what a request presents, and which of them it is.

use super::*;
use crate::access::{Mode, Rights, Settings};
use crate::credentials::LocalKey;
use crate::sign::Sent;

const TOKEN: &str = "token-of-shop-a-32-letters-or-more";
const KEY: &str = "local-key-of-shop-a-32-letters-or-so";
const OTHER_KEY: &str = "other-key-of-shop-b-32-letters-or-so";

/// Digests of parameters and `KEY`, and of the first with `OTHER_KEY`, by md5sum.
const CALL: (&[(&str, &str)], &str) = (&[("txamt", "1")], "14f11d3f9d34083adc505387ad5e85b2");
const CALL_BY_OTHER: (&[(&str, &str)], &str) = (&[("txamt", "1")], "67763d1b76cdc2e9688bfea68535520c");
const SIGN_IN: (&[(&str, &str)], &str) = (&[("redirect_uri", "x")], "8fb062c235773b587da360231f341756");
const RECUT: (&[(&str, &str)], &str) = (&[("a", "1&redirect_uri=x")], "5a49a353ab65a30b64f7cbccafc98ed4");
const CHECKOUT: (&[(&str, &str)], &str) =
    (&[("a", "1"), ("paysource", "y")], "a8e57b4754b7752442a1337fe1c3fda0");
const RECUT_CHECKOUT: (&[(&str, &str)], &str) =
    (&[("a", "1&paysource=y")], "a8e57b4754b7752442a1337fe1c3fda0");
/// Empty values are not in what was hashed, as some shops sign; the page's name is there all the same.
const WITH_EMPTY: (&[(&str, &str)], &str) =
    (&[("paysource", ""), ("txamt", "1")], "14f11d3f9d34083adc505387ad5e85b2");
const UNSIGNED: (&[(&str, &str)], &str) = (&[("txamt", "1")], "");

/// A section's name, user, token and local key.
type Section = (&'static str, Option<u32>, &'static str, &'static str);

const USER: Section = ("user", Some(1001), "", "");
const BY_TOKEN: Section = ("token", None, TOKEN, "");
const BY_KEY: Section = ("key", None, "", KEY);
const USER_AND_TOKEN: Section = ("user-and-token", Some(1001), TOKEN, "");
const USER_AND_KEY: Section = ("user-and-key", Some(1001), "", KEY);
const TOKEN_AND_KEY: Section = ("token-and-key", None, TOKEN, KEY);
const ALL: Section = ("all", Some(1001), TOKEN, KEY);
const ANOTHER: Section = ("another", Some(1002), "token-of-another-32-letters-or-more", OTHER_KEY);

fn access(sections: &[Section]) -> Access {
    let secret = |text: &str| {
        let content = text.as_bytes().to_vec().into();
        (!text.is_empty()).then(|| LocalKey::new(content, "a test".to_owned()).unwrap())
    };
    let callers = sections.iter().map(|&(name, user, token, key)| {
        let (token, local_key) = (secret(token), secret(key));
        Arc::new(Caller { name: name.to_owned(), user, token, local_key, rights: Rights::default() })
    });
    Access::new(Settings { mode: Mode::Enforce }, callers.collect())
}

/// Who calls, by the head and the parameters.
fn caller(
    sections: &[Section],
    user: Option<u32>,
    token: &str,
    (params, sign): (&[(&str, &str)], &str),
    purpose: Purpose,
) -> Result<String, Unknown> {
    let access = access(sections);
    let authorization = (!token.is_empty()).then(|| format!("Bearer {token}"));
    let presented = access.presented(authorization.iter().map(|value| value.as_bytes()), user)?;
    let mut sent = Sent::default();
    for (name, value) in params.iter().chain((!sign.is_empty()).then_some(&("sign", sign))) {
        sent.push(name.as_bytes(), value.as_bytes()).unwrap();
    }
    access.proved(presented, &sent.params, &sent.own, purpose).map(|caller| caller.name.clone())
}

#[test]
fn of_several_callers_the_one_with_most_proofs_calls_then_token_key_user() {
    let known = Some(1001);
    for (sections, user, token, sent, expected) in [
        (&[USER, ANOTHER][..], known, "", UNSIGNED, Ok("user")),
        (&[USER, BY_TOKEN], known, TOKEN, UNSIGNED, Ok("token")),
        (&[USER, BY_KEY], known, "", CALL, Ok("key")),
        (&[BY_TOKEN, BY_KEY], None, TOKEN, CALL, Ok("token")),
        (&[BY_KEY, BY_TOKEN], known, TOKEN, UNSIGNED, Ok("token")),
        (&[USER, USER_AND_TOKEN], known, TOKEN, UNSIGNED, Ok("user-and-token")),
        (&[USER, USER_AND_TOKEN], known, "", UNSIGNED, Ok("user")),
        (&[USER, USER_AND_KEY], known, "", CALL, Ok("user-and-key")),
        (&[USER, USER_AND_KEY], known, "", CALL_BY_OTHER, Ok("user")),
        (&[BY_TOKEN, USER_AND_KEY], known, TOKEN, CALL, Ok("user-and-key")),
        (&[BY_TOKEN, USER_AND_KEY], Some(1002), TOKEN, CALL, Ok("token")),
        (&[USER_AND_TOKEN, BY_KEY], known, TOKEN, CALL, Ok("user-and-token")),
        (&[USER, ALL], known, TOKEN, CALL, Ok("all")),
        (&[USER, ALL], Some(1002), TOKEN, CALL, Err(Unknown::Unproved)),
        // Nothing of another section, and none of one's own lacking.
        (&[USER_AND_TOKEN], known, "", UNSIGNED, Err(Unknown::Unproved)),
        (&[USER_AND_TOKEN], Some(1002), TOKEN, UNSIGNED, Err(Unknown::Unproved)),
        (&[USER_AND_TOKEN], None, TOKEN, UNSIGNED, Err(Unknown::Unproved)),
        (&[USER_AND_KEY], None, "", CALL, Err(Unknown::Unproved)),
        (&[TOKEN_AND_KEY], None, "", CALL, Err(Unknown::Unproved)),
        (&[BY_KEY], None, "", UNSIGNED, Err(Unknown::Unproved)),
        (&[BY_KEY], None, "", CALL_BY_OTHER, Err(Unknown::Unproved)),
        (&[USER], None, "", UNSIGNED, Err(Unknown::Unproved)),
        (&[USER], Some(0), "", UNSIGNED, Err(Unknown::Unproved)),
        // A token that is nobody's, whoever's process sends it.
        (&[USER, BY_TOKEN], known, "token-of-nobody-32-letters-or-more", UNSIGNED, Err(Unknown::Token)),
        (&[USER, BY_TOKEN], known, &TOKEN[1..], CALL, Err(Unknown::Token)),
        (&[USER], known, TOKEN, UNSIGNED, Err(Unknown::Token)),
        (&[BY_KEY], None, KEY, CALL, Err(Unknown::Token)),
    ] {
        let found = caller(sections, user, token, sent, Purpose::Call);
        let names: Vec<_> = sections.iter().map(|section| section.0).collect();
        assert_eq!(found, expected.map(str::to_owned), "{names:?} {user:?} {token} {sent:?}");
        // The order of the sections plays no part.
        let reversed: Vec<_> = sections.iter().rev().copied().collect();
        assert_eq!(caller(&reversed, user, token, sent, Purpose::Call), found, "{names:?}, reversed");
    }
}

#[test]
fn what_a_customer_holds_proves_no_call_by_itself() {
    for page in [SIGN_IN, RECUT, CHECKOUT, RECUT_CHECKOUT, WITH_EMPTY] {
        let alone = caller(&[BY_KEY], None, "", page, Purpose::Call);
        assert_eq!(alone, Err(Unknown::PageSignature), "{page:?}");
        assert_eq!(caller(&[BY_KEY], None, "", page, Purpose::Page).as_deref(), Ok("key"), "{page:?}");
        let beside = caller(&[USER_AND_KEY], Some(1001), "", page, Purpose::Call);
        assert_eq!(beside.as_deref(), Ok("user-and-key"), "{page:?}");
        // Somebody else who is known by another proof stays who he is.
        let other = caller(&[BY_KEY, USER], Some(1001), "", page, Purpose::Call);
        assert_eq!(other.as_deref(), Ok("user"), "{page:?}");
    }
}

#[test]
fn there_is_one_authorization_and_it_holds_a_token() {
    let access = access(&[USER, BY_TOKEN]);
    let seen = |values: &[&str]| {
        let presented = access.presented(values.iter().map(|value| value.as_bytes()), Some(1001));
        presented.and_then(|presented| access.known(presented)).map(|caller| caller.name.clone())
    };
    assert_eq!(seen(&[]).as_deref(), Ok("user"));
    assert_eq!(seen(&[&format!("Bearer {TOKEN}")]).as_deref(), Ok("token"));
    let bearer = format!("Bearer {TOKEN}");
    for odd in [&[&*bearer, &*bearer][..], &["Digest x"], &[""], &["Bearer"], &["Basic !"]] {
        assert_eq!(seen(odd), Err(Unknown::Authorization), "{odd:?}");
    }
    assert_eq!(seen(&["Bearer "]), Err(Unknown::Authorization));
    assert_eq!(seen(&["Basic Og=="]), Err(Unknown::Token), "an empty password");
}

#[test]
fn debugging_shows_no_secret() {
    let shown = format!("{:?}", access(&[ALL, BY_TOKEN, BY_KEY]));
    assert!(!shown.contains("shop-a"), "{shown}");
}
