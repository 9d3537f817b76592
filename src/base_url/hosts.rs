//! The hosts that QFPay documents.

use super::UpstreamUrl;

/// QFPay's API hosts (protocol sheet, section 2), for names one letter away: such a host gets whatever is signed.
pub const API_HOSTS: [&str; 20] = [
    "openapi-hk.qfapi.com",
    "openapi-jp.qfapi.com",
    "openapi-th.qfapi.com",
    "openapi-db.qfapi.com",
    "openapi-sg.qfapi.com",
    "openapi-id.qfapi.com",
    "openapi-kh.qfapi.com",
    "openapi-eur.qfapi.com",
    "openapi-int.qfapi.com",
    "openapi.qfpay.com",
    "openapi-test.qfpay.com",
    "openapi-test.qfapi.com",
    "test-openapi-hk.qfapi.com",
    "test-openapi-th.qfapi.com",
    "test-openapi-db.qfapi.com",
    "test-openapi-sg.qfapi.com",
    "test-openapi-id.qfapi.com",
    "test-openapi-eur.qfapi.com",
    "osqt.qfpay.com",
    "overseaopenapitest.qfpay.com",
];

/// QFPay's hosts of pages for customers' browsers, which answer no call.
pub const PAGE_HOSTS: [&str; 4] =
    ["o2-hk.qfapi.com", "test-o2-hk.qfapi.com", "o2-th.qfapi.com", "o2.qfpay.com"];

/// The page hosts of API hosts, where QFPay documents both for a country.
const PAGES_OF: [(&str, &str); 3] = [
    ("openapi-hk.qfapi.com", "o2-hk.qfapi.com"),
    ("openapi-th.qfapi.com", "o2-th.qfapi.com"),
    ("openapi.qfpay.com", "o2.qfpay.com"),
];

impl UpstreamUrl {
    /// The host of the pages that go with this host, where QFPay documents one.
    pub fn page_host(&self) -> Option<&'static str> {
        let host = self.host();
        PAGES_OF.iter().find(|(api, _)| *api == host).map(|(_, pages)| *pages)
    }

    /// Whether it is a host of pages for customers' browsers, which answers no call.
    pub fn is_page_host(&self) -> bool {
        PAGE_HOSTS.contains(&self.host().as_str())
    }
}
