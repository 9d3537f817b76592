//! Which paths are signed and forwarded.

use crate::endpoint::{self, BrowserPage, ENDPOINTS, Misspelt};

/// The paths that callers may reach: prefixes, which end in `/`, and single paths. Everything else is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes(Vec<String>);

/// Why a text can be neither a prefix nor a path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadRoute {
    /// No path, no call.
    #[error("no path is allowed, so no call could pass; write at least [\"/trade/v1/\"]")]
    Nothing,
    /// A relative path, or none.
    #[error(
        "a prefix begins and ends with '/', such as /trade/v1/; a single path begins with '/', such as /trade/v1/query"
    )]
    Slashes,
    /// Anything else could be read differently by QFPay.
    #[error(
        "only the characters A-Z a-z 0-9 _ . / - may stand here, no '//', and no '.' at the end of a segment"
    )]
    Characters,
    /// `/oauth/v2/access_token` takes the key as `client_secret` in its body (protocol sheet 3.7).
    #[error(
        "this would forward /oauth/, and /oauth/v2/access_token carries the client_key itself as client_secret; \
         name the paths that are needed, such as /trade/v1/"
    )]
    Oauth,
    /// A prefix whose slash was forgotten would allow nothing at all.
    #[error("endpoints live below it, and it is none itself; a prefix ends in '/': {0}/")]
    Family(String),
    /// No call could use it: other spellings of an endpoint are refused.
    #[error("{0}")]
    Misspelt(Misspelt),
    /// The list decides on calls.
    #[error("this is a page that customers open; browser.pages says which of them are made")]
    Page,
}

const OAUTH: &str = "/oauth/";

impl Routes {
    /// Takes prefixes of the form `/trade/v1/` and single paths of the form `/trade/v1/query`.
    ///
    /// # Errors
    /// The first entry at fault, and what is wrong with it. The list itself must not be empty.
    pub fn new(entries: Vec<String>) -> Result<Self, (Option<String>, BadRoute)> {
        if entries.is_empty() {
            return Err((None, BadRoute::Nothing));
        }
        match entries.iter().find_map(|entry| check(entry).err().map(|bad| (entry.clone(), bad))) {
            Some((entry, bad)) => Err((Some(entry), bad)),
            None => Ok(Self(entries)),
        }
    }

    /// Whether a raw path, as the caller sent it, may be forwarded. Its characters are the caller's to check.
    pub fn allows(&self, path: &str) -> bool {
        self.0.iter().any(|entry| match entry.ends_with('/') {
            true => path.starts_with(entry.as_str()),
            false => path == entry,
        })
    }

    /// The prefixes and paths as they were written.
    pub fn entries(&self) -> &[String] {
        &self.0
    }
}

fn check(entry: &str) -> Result<(), BadRoute> {
    if !entry.starts_with('/') {
        return Err(BadRoute::Slashes);
    }
    if !endpoint::is_plain_path(entry) {
        return Err(BadRoute::Characters);
    }
    let lower = entry.to_ascii_lowercase();
    let is_prefix = entry.ends_with('/');
    if lower.starts_with(OAUTH) || (is_prefix && OAUTH.starts_with(&lower)) {
        return Err(BadRoute::Oauth);
    }
    if is_prefix { Ok(()) } else { check_path(entry) }
}

/// A single path that the table does not know may be new at QFPay, as below a prefix.
fn check_path(path: &str) -> Result<(), BadRoute> {
    let endpoint = endpoint::find(path).map_err(BadRoute::Misspelt)?;
    match endpoint.browser_page() {
        // It stands below the prefix of calls, so it needs the list as well.
        None | Some(BrowserPage::WeixinOauth) => {}
        Some(BrowserPage::Checkstand | BrowserPage::Direct) => return Err(BadRoute::Page),
    }
    let lives_below = |known: &str| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    match endpoint.is_documented() || !ENDPOINTS.iter().any(|known| lives_below(known.path)) {
        true => Ok(()),
        false => Err(BadRoute::Family(path.to_owned())),
    }
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
    fn a_single_path_allows_itself_and_nothing_else() {
        let routes = Routes::new(vec!["/trade/v1/query".into(), "/new/v1/x".into()]).unwrap();
        assert!(routes.allows("/trade/v1/query") && routes.allows("/new/v1/x"));
        for other in
            ["/trade/v1/query/", "/trade/v1/query2", "/trade/v1/Query", "/trade/v1/refund", "/new/v1/"]
        {
            assert!(!routes.allows(other), "{other}");
        }
    }

    #[test]
    fn single_paths_that_allow_nothing_are_refused() {
        for family in ["/trade/v1", "/trade", "/subscription"] {
            assert_eq!(refused(family), BadRoute::Family(family.to_owned()));
        }
        assert_eq!(refused("/trade/v1/Refund"), BadRoute::Misspelt(Misspelt("/trade/v1/refund")));
        for page in ["/checkstand", "/q/direct"] {
            assert_eq!(refused(page), BadRoute::Page, "{page}");
        }
        Routes::new(vec!["/tool/v1/get_weixin_oauth_code".into()]).unwrap();
        for bad in ["/oauth/v2/access_token", "/OAUTH/x"] {
            assert_eq!(refused(bad), BadRoute::Oauth, "{bad}");
        }
    }

    #[test]
    fn prefixes_that_could_mean_more_are_refused() {
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
