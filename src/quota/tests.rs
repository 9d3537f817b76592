//! What the sidecar's other parts ask of the quota, beside the way of a call.

use super::*;
use crate::credentials::{AppCode, ClientKey, HexCase, SANDBOX_CLIENT_KEY, SignType};

#[tokio::test]
async fn a_repeat_takes_a_token_or_does_not_happen() {
    let key = SANDBOX_CLIENT_KEY.as_bytes().to_vec().into();
    let app = Arc::new(App {
        name: "shop".to_owned(),
        app_code: AppCode::new("A1").unwrap(),
        client_key: ClientKey::new(key, false).unwrap(),
        key_source: String::new(),
        mchid: None,
        sign_type: SignType::Md5,
        hex_case: HexCase::Upper,
    });
    let settings = Settings {
        per_second: 0,
        per_minute: 4,
        reserved_percent: 0,
        max_wait: Duration::from_secs(30),
        pause: Duration::from_secs(60),
        pause_max: Duration::from_secs(60),
    };
    let apps = [app.clone()];
    let quota = Quota::start(&settings, None, &apps, Arc::new(Metrics::new("0"))).await;
    let pass = quota.admit(&app, Effect::Reads).await.unwrap();
    assert!(quota.try_again(&app).await.is_some());
    assert!(quota.try_again(&app).await.is_none(), "two at once are all, and a repeat never waits");

    let quota = Quota::start(&settings, None, &apps, Arc::new(Metrics::new("0"))).await;
    quota.answered(&app, pass, StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new());
    assert!(quota.try_again(&app).await.is_none(), "the app pauses");
}
