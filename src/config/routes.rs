//! Which paths are signed and forwarded.

/// The path prefixes that callers may reach. Everything else is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes(Vec<String>);

/// Why a text cannot be a prefix.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadRoute {
    /// No prefix, no call.
    #[error("no path is allowed, so no call could pass; write at least [\"/trade/v1/\"]")]
    Nothing,
    /// `/trade/v1` would also allow `/trade/v1evil`.
    #[error("a prefix begins and ends with '/', such as /trade/v1/")]
    Slashes,
    /// Anything else could be read differently by QFPay.
    #[error("a prefix has only the characters A-Z a-z 0-9 _ . / -, no '..' and no '//'")]
    Characters,
    /// `/oauth/v2/access_token` takes the key as `client_secret` in its body (protocol sheet 3.7).
    #[error(
        "this would forward /oauth/, and /oauth/v2/access_token carries the client_key itself as client_secret; \
         name the prefixes that are needed, such as /trade/v1/"
    )]
    Oauth,
}

const OAUTH: &str = "/oauth/";

impl Routes {
    /// Takes prefixes of the form `/trade/v1/`.
    ///
    /// # Errors
    /// The first prefix at fault, and what is wrong with it. The list itself must not be empty.
    pub fn new(prefixes: Vec<String>) -> Result<Self, (String, BadRoute)> {
        if prefixes.is_empty() {
            return Err((String::new(), BadRoute::Nothing));
        }
        match prefixes.iter().find_map(|prefix| check(prefix).err().map(|bad| (prefix.clone(), bad))) {
            Some(bad) => Err(bad),
            None => Ok(Self(prefixes)),
        }
    }

    /// Whether a raw path, as the caller sent it, may be forwarded. Its characters are the caller's to check.
    pub fn allows(&self, path: &str) -> bool {
        self.0.iter().any(|prefix| path.starts_with(prefix.as_str()))
    }

    /// The prefixes, for people.
    pub fn prefixes(&self) -> &[String] {
        &self.0
    }
}

fn check(prefix: &str) -> Result<(), BadRoute> {
    if !prefix.starts_with('/') || !prefix.ends_with('/') {
        return Err(BadRoute::Slashes);
    }
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'-');
    if !prefix.bytes().all(legal) || prefix.contains("..") || prefix.contains("//") || prefix.contains("/./")
    {
        return Err(BadRoute::Characters);
    }
    let lower = prefix.to_ascii_lowercase();
    if OAUTH.starts_with(&lower) || lower.starts_with(OAUTH) {
        return Err(BadRoute::Oauth);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(prefix: &str) -> BadRoute {
        Routes::new(vec!["/trade/v1/".into(), prefix.into()]).unwrap_err().1
    }

    #[test]
    fn only_what_a_prefix_covers_is_allowed() {
        let routes = Routes::new(vec!["/trade/v1/".into(), "/tool/v1/".into()]).unwrap();
        assert!(routes.allows("/trade/v1/payment"));
        for other in ["/trade/v1", "/trade/v2/payment", "/x/trade/v1/payment", "/oauth/v2/x", "", "*"] {
            assert!(!routes.allows(other), "{other}");
        }
    }

    #[test]
    fn prefixes_that_could_mean_more_are_refused() {
        assert_eq!(refused("/trade/v1"), BadRoute::Slashes);
        assert_eq!(refused("trade/"), BadRoute::Slashes);
        assert_eq!(refused(""), BadRoute::Slashes);
        for bad in ["/a/../b/", "//", "/a//b/", "/a%2f/", "/a b/", "/a;x/", "/./", "/\u{e4}/"] {
            assert_eq!(refused(bad), BadRoute::Characters, "{bad}");
        }
        for bad in ["/", "/oauth/", "/oauth/v1/", "/OAuth/"] {
            assert_eq!(refused(bad), BadRoute::Oauth, "{bad}");
        }
        assert_eq!(Routes::new(vec![]).unwrap_err().1, BadRoute::Nothing);
    }
}
