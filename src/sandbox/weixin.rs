//! WeChat's part of a JSAPI payment: the oauth code in the browser, then the openid (protocol sheet, section 9).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::answer::{Fields, Refusal, refusal, result_fields, text};
use super::received::Verdict;
use super::request::{Arrived, Pair, pairs, value};
use super::url;
use super::verify::{self, Check};
use crate::credentials::{App, SignType};

/// How long a code is good for.
const CODE_LIFETIME: Duration = Duration::from_secs(300);

/// How many codes and openids are kept; the oldest are forgotten first.
const KEPT: usize = 10_000;

/// Codes and openids that were issued, and whether they were used.
#[derive(Debug, Default)]
pub(super) struct Weixin {
    issued: HashMap<String, Issued>,
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Issued {
    app: String,
    at: Instant,
    used: bool,
}

impl Weixin {
    fn issue(&mut self, token: String, app: &App, now: Instant) -> String {
        if self.order.len() >= KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.issued.remove(&oldest);
        }
        self.order.push_back(token.clone());
        self.issued.insert(token.clone(), Issued { app: app.name.clone(), at: now, used: false });
        token
    }

    fn issue_code(&mut self, app: &App, now: Instant) -> String {
        self.issue(Uuid::new_v4().simple().to_string(), app, now)
    }

    fn issue_openid(&mut self, app: &App, now: Instant) -> String {
        // WeChat's openids have 28 characters and begin with an o.
        let random = Uuid::new_v4().simple().to_string();
        self.issue(format!("oSbx{}", &random[..24]), app, now)
    }

    /// Exchanges a code for an openid, once.
    fn exchange(&mut self, code: &str, app: &App, now: Instant) -> Result<String, Refusal> {
        let bad = |why: &str| {
            Err(refusal(
                "2005",
                format!("the code {why}; send the browser through get_weixin_oauth_code again"),
            ))
        };
        match self.issued.get_mut(code) {
            None => return bad("was not issued by this sandbox"),
            Some(known) if known.app != app.name => return bad("was issued to another app"),
            Some(known) if known.used => return bad("was used already"),
            Some(known) if now.saturating_duration_since(known.at) > CODE_LIFETIME => {
                return bad("expired after 5 minutes");
            }
            Some(known) => known.used = true,
        }
        Ok(self.issue_openid(app, now))
    }

    /// Whether a payment may use this openid: every payment wants a fresh one.
    pub(super) fn openid_is_fresh(&self, openid: &str, app: &App) -> Result<(), Refusal> {
        let bad = |why: &str| {
            Err(refusal("1104", format!("sub_openid {why}; get a fresh one from get_weixin_openid")))
        };
        match self.issued.get(openid) {
            None => bad("was not issued by this sandbox"),
            Some(known) if known.app != app.name => bad("was issued to another app"),
            Some(known) if known.used => bad("was used by an earlier payment"),
            Some(_) => Ok(()),
        }
    }

    /// The openid was used.
    pub(super) fn use_up(&mut self, openid: &str) {
        if let Some(known) = self.issued.get_mut(openid) {
            known.used = true;
        }
    }
}

/// Checks `get_weixin_oauth_code`: the signature is in the query, always MD5, and the app is named by `app_code`.
pub(super) fn check_oauth(arrived: &Arrived, apps: &[Arc<App>]) -> Check {
    let mut check =
        Check { app: None, pairs: Vec::new(), canonical: None, verdict: Verdict::Unsigned, refusal: None };
    if let Err(refusal) = judge_oauth(arrived, apps, &mut check) {
        if value(&check.pairs, "sign").is_some() {
            check.verdict = Verdict::Failed { reason: refusal.respmsg.clone() };
        }
        check.refusal = Some(refusal);
    }
    check
}

fn judge_oauth(arrived: &Arrived, apps: &[Arc<App>], check: &mut Check) -> Result<(), Refusal> {
    check.pairs = pairs(arrived.query.as_bytes())?;
    let canonical = verify::canonical(&check.pairs, &["sign"]);
    check.canonical = Some(canonical.clone());
    let app_code = value(&check.pairs, "app_code")
        .ok_or_else(|| refusal("1108", "the parameter app_code is missing"))?;
    check.app = apps.iter().find(|app| app.app_code.as_str() == app_code).cloned();
    let app = check.app.clone().ok_or_else(|| refusal("1108", "the app_code is unknown to this sandbox"))?;
    let received = value(&check.pairs, "sign").ok_or_else(|| {
        refusal(
            "1108",
            format!("the parameter sign is missing; hash this text followed by the key: {canonical}"),
        )
    })?;
    check.verdict = verify::compare(received, SignType::Md5, &canonical, &check.pairs, &app, apps)?;
    Ok(())
}

/// Where the browser goes with its code.
pub(super) fn oauth(
    weixin: &mut Weixin,
    params: &[Pair],
    app: &App,
    now: Instant,
) -> Result<String, Refusal> {
    let redirect_uri = value(params, "redirect_uri").unwrap_or_default();
    if redirect_uri.chars().count() > 512 {
        return Err(refusal("1104", "redirect_uri is longer than 512 characters"));
    }
    let target = url::for_browsers(redirect_uri)
        .ok_or_else(|| refusal("1104", "redirect_uri is not an http or https URL"))?;
    let code = weixin.issue_code(app, now);
    Ok(url::with_query(&target, &format!("code={code}")))
}

/// The answer of `get_weixin_openid`.
pub(super) fn openid(
    weixin: &mut Weixin,
    params: &[Pair],
    app: &App,
    now: Instant,
) -> Result<Fields, Refusal> {
    let code = value(params, "code").filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| refusal("1104", "the parameter code is missing"))?;
    let openid = weixin.exchange(code, app, now)?;
    let mut fields = result_fields("0000", "");
    fields.push(text("openid", openid));
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::credentials::{AppCode, ClientKey, HexCase};

    fn app(name: &str) -> App {
        App {
            name: name.into(),
            app_code: AppCode::new("5A4DB0C5").unwrap(),
            client_key: ClientKey::new(Zeroizing::new(b"SANDBOX-test-key".to_vec()), false).unwrap(),
            key_source: "test".into(),
            mchid: None,
            sign_type: SignType::Md5,
            hex_case: HexCase::Upper,
        }
    }

    #[test]
    fn codes_work_once_within_five_minutes_for_their_app() {
        let (mut weixin, shop, other, start) = (Weixin::default(), app("shop"), app("other"), Instant::now());
        let code = weixin.issue_code(&shop, start);
        assert!(weixin.exchange(&code, &other, start).unwrap_err().respmsg.contains("another app"));
        assert!(weixin.exchange(&code, &shop, start + CODE_LIFETIME).is_ok());
        assert!(weixin.exchange(&code, &shop, start).unwrap_err().respmsg.contains("used already"));
        let late = weixin.issue_code(&shop, start);
        let after = start + CODE_LIFETIME + Duration::from_secs(1);
        assert!(weixin.exchange(&late, &shop, after).unwrap_err().respmsg.contains("expired"));
        assert!(weixin.exchange("made-up", &shop, start).unwrap_err().respmsg.contains("not issued"));
    }

    #[test]
    fn an_openid_is_good_for_one_payment() {
        let (mut weixin, shop, now) = (Weixin::default(), app("shop"), Instant::now());
        let code = weixin.issue_code(&shop, now);
        let openid = weixin.exchange(&code, &shop, now).unwrap();
        assert_eq!(openid.len(), 28);
        weixin.openid_is_fresh(&openid, &shop).unwrap();
        weixin.use_up(&openid);
        assert!(weixin.openid_is_fresh(&openid, &shop).unwrap_err().respmsg.contains("earlier payment"));
    }
}
