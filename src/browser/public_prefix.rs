//! Where customers' browsers reach the pages themselves: a path of the shop's, passed on by its web server.

use crate::endpoint::{self, ENDPOINTS, is_plain_path};

/// A prefix such as `/pay`: below it are QFPay's pages for browsers, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicPrefix(String);

/// Why a text is no prefix.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum BadPrefix {
    /// `/pay/` would make `/pay//q/direct`.
    #[error("a public prefix begins with '/' and does not end with one, such as /pay")]
    Slashes,
    /// Anything else could be read differently by the web server in front.
    #[error(
        "a public prefix has only the characters A-Z a-z 0-9 _ . / -, no '..' and no '//', and at most 64 of them"
    )]
    Characters,
    /// A web server that passes `/trade` on would pass payments on.
    #[error("this begins like a path of QFPay's or the sidecar's own; take one of the shop's, such as /pay")]
    Taken,
}

/// First segments that are never the shop's own, beside those of [`ENDPOINTS`].
const TAKEN: [&str; 3] = ["oauth", "sandbox", "sidecar"];

impl PublicPrefix {
    /// Takes a prefix of the form `/pay`.
    ///
    /// # Errors
    /// [`BadPrefix`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadPrefix> {
        if !text.starts_with('/') || text.ends_with('/') {
            return Err(BadPrefix::Slashes);
        }
        if !is_plain_path(text) || text.len() > 64 {
            return Err(BadPrefix::Characters);
        }
        let first = first_segment(text);
        let mut taken = ENDPOINTS.iter().map(|endpoint| first_segment(endpoint.path)).chain(TAKEN);
        match taken.any(|taken| taken.eq_ignore_ascii_case(first)) {
            true => Err(BadPrefix::Taken),
            false => Ok(Self(text.to_owned())),
        }
    }

    /// The prefix as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the page that a raw path below the prefix stands for; `None` for everything else.
    pub fn page<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(&self.0)?;
        endpoint::find(rest).ok()?.browser_page().map(|_| rest)
    }

    /// Whether a raw path is below it.
    pub fn covers(&self, path: &str) -> bool {
        path.strip_prefix(&self.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether it and a prefix of calls begin alike, which no reader should have to tell apart.
    pub(crate) fn shares_a_tree_with(&self, route: &str) -> bool {
        first_segment(&self.0).eq_ignore_ascii_case(first_segment(route))
    }
}

fn first_segment(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_below_it() {
        let prefix = PublicPrefix::parse("/shop/pay").unwrap();
        for page in ["/tool/v1/get_weixin_oauth_code", "/checkstand", "/checkstand/", "/q/direct"] {
            assert_eq!(prefix.page(&format!("/shop/pay{page}")), Some(page));
            assert_eq!(prefix.page(page), None);
        }
        for other in ["/shop/pay", "/shop/pay/", "/shop/pay/trade/v1/payment", "/shop/pay/sidecar/v1/verify"]
        {
            assert_eq!(prefix.page(other), None, "{other}");
        }
        for odd in ["/shop/pay//q/direct", "/shop/pay/Q/direct", "/shop/payq/direct", "/shop/pay/../q/direct"]
        {
            assert_eq!(prefix.page(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_could_mean_more_is_refused() {
        for bad in ["", "/", "pay", "/pay/"] {
            assert_eq!(PublicPrefix::parse(bad), Err(BadPrefix::Slashes), "{bad}");
        }
        let long = format!("/{}", "a".repeat(64));
        for bad in
            ["/a//b", "/a/../b", "/..", "/a%2f", "/a b", "/a;b", "/a?b", "/a#b", "/\u{e4}", long.as_str()]
        {
            assert_eq!(PublicPrefix::parse(bad), Err(BadPrefix::Characters), "{bad}");
        }
        for bad in [
            "/trade",
            "/trade/v1",
            "/tool/v1",
            "/q",
            "/Checkstand",
            "/oauth",
            "/SIDECAR/v1",
            "/sandbox",
            "/mch",
        ] {
            assert_eq!(PublicPrefix::parse(bad), Err(BadPrefix::Taken), "{bad}");
        }
    }
}
