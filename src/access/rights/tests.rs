//! What a caller may do, as tables: its rights, a call, and the right that it lacks.

use std::sync::Arc;

use super::*;
use crate::access::{Endpoints, Rights};
use crate::credentials::{AppCode, ClientKey, HexCase, SignType};
use crate::endpoint;

fn app(name: &str) -> Arc<App> {
    let key = ClientKey::new(b"0123456789ABCDEF0123456789ABCDEF".to_vec().into(), false).unwrap();
    Arc::new(App {
        name: name.to_owned(),
        app_code: AppCode::new(name).unwrap(),
        client_key: key,
        key_source: "a test".to_owned(),
        mchid: None,
        sign_type: SignType::Md5,
        hex_case: HexCase::Upper,
    })
}

fn shop(apps: &[&str], mchids: &[&str], endpoints: &[&str], max_amount: &[(&str, u64)]) -> Caller {
    let owned = |list: &[&str]| -> Vec<String> { list.iter().map(|&text| text.to_owned()).collect() };
    Caller {
        name: "shop".to_owned(),
        user: Some(1001),
        token: None,
        local_key: None,
        rights: Rights {
            apps: apps.iter().map(|name| app(name)).collect(),
            mchids: owned(mchids),
            endpoints: Endpoints::new(owned(endpoints)).unwrap(),
            max_amount: max_amount.iter().map(|&(currency, amount)| (currency.to_owned(), amount)).collect(),
        },
    }
}

/// What a call with these parameters lacks, written as a form.
fn lacks(caller: &Caller, app_name: &str, path: &str, form: &str) -> Option<Right> {
    let mut params = Params::new();
    for (name, value) in
        form.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap())
    {
        params.push(name.as_bytes(), value.as_bytes()).unwrap();
    }
    let endpoint = endpoint::find(path).unwrap();
    let app = app(app_name);
    let denied = caller.may(&Asked { app: &app, endpoint, path, params: &params }).err()?;
    assert_eq!(denied.caller, "shop");
    assert!(denied.to_string().starts_with(&format!("callers.shop.{}: ", denied.right.as_str())));
    Some(denied.right)
}

#[test]
fn apps_and_paths_are_those_of_the_section() {
    let none = shop(&[], &[], &[], &[]);
    assert_eq!(lacks(&none, "a", "/trade/v1/refund", "txamt=1"), None);
    let apps = shop(&["a", "b"], &[], &[], &[]);
    assert_eq!(lacks(&apps, "b", "/trade/v1/refund", "txamt=1"), None);
    assert_eq!(lacks(&apps, "c", "/trade/v1/refund", "txamt=1"), Some(Right::Apps));
    assert!(apps.may_sign_with(Some(&app("a"))).is_ok() && apps.may_sign_with(None).is_err());
    let paths = shop(&[], &[], &["/trade/v1/query", "/tool/v1/", "/checkstand"], &[]);
    for (path, right) in [
        ("/trade/v1/query", None),
        ("/tool/v1/mcc", None),
        ("/tool/v1/get_weixin_oauth_code", None),
        ("/checkstand", None),
        ("/checkstand/", None),
        ("/trade/v1/refund", Some(Right::Endpoints)),
        ("/trade/v1/query2", Some(Right::Endpoints)),
        ("/q/direct", Some(Right::Endpoints)),
        ("/tool/v2/mcc", Some(Right::Endpoints)),
    ] {
        assert_eq!(lacks(&paths, "a", path, ""), right, "{path}");
    }
    let slash = shop(&[], &[], &["/checkstand/"], &[]);
    assert_eq!(lacks(&slash, "a", "/checkstand", ""), None);
}

#[test]
fn merchants_are_named_by_the_endpoints_own_name_to_the_letter() {
    let shop = shop(&[], &["M1", "M2"], &[], &[]);
    let denied = Some(Right::Mchids);
    for (path, form, right) in [
        ("/trade/v1/payment", "mchid=M1", None),
        ("/trade/v1/refund", "mchid=M2&syssn=1", None),
        ("/trade/v1/new", "mchid=M1", None),
        ("/trade/v1/payment", "mchid=M3", denied),
        ("/trade/v1/payment", "mchid=m1", denied),
        ("/trade/v1/payment", "mchid=M1 ", denied),
        ("/trade/v1/payment", "mchid=", denied),
        ("/trade/v1/payment", "", denied),
        ("/trade/v1/payment", "mchntid=M1", denied),
        ("/trade/v1/payment", "mchid=M1&mchntid=M1", denied),
        ("/trade/v1/payment", "mchid=M1&MCHID=M1", denied),
        ("/trade/v1/payment", "mchid=M1&mch_id=M3", denied),
        ("/trade/v1/payment", "mchid=M1&mch.id=M3", denied),
        ("/trade/v1/payment", "mchid=M1&Mch-Id=M3", denied),
        ("/trade/v1/payment", "mchid=M1&mchid_=M3", denied),
        ("/trade/v1/payment", "mchid=M1&__mchnt-ID=M3", denied),
        ("/trade/v1/payment", "mchid=M1&mchids=M3", None),
        ("/trade/v1/payment", "mchid=M1&goods_name=mchid", None),
        ("/checkstand/", "mchntid=M1", None),
        ("/checkstand/", "mchntid=M3", denied),
        ("/checkstand/", "mchntid=M1&mchid=M1", denied),
        ("/checkstand/", "", denied),
    ] {
        assert_eq!(lacks(&shop, "a", path, form), right, "{path} {form}");
    }
}

#[test]
fn what_names_no_merchant_needs_its_exact_path() {
    let statements =
        ["/download/v1/trade_bill", "/trade/v1/add_note", "/tool/v1/mcc", "/mch/v1/query", "/q/direct"];
    for path in statements {
        let prefix = &path[..=path.rfind('/').unwrap()];
        for (mchids, endpoints, right) in [
            (&["M1"][..], &[][..], Some(Right::Endpoints)),
            (&["M1"], &[prefix], Some(Right::Endpoints)),
            (&["M1"], &[prefix, path], None),
            (&[], &[], None),
        ] {
            let shop = shop(&[], mchids, endpoints, &[]);
            assert_eq!(lacks(&shop, "a", path, ""), right, "{path} {mchids:?} {endpoints:?}");
        }
        let shop = shop(&[], &["M1"], &[path], &[]);
        assert_eq!(lacks(&shop, "a", path, "mchid=M1"), Some(Right::Mchids), "{path}");
    }
}

#[test]
fn amounts_are_decimal_digits_up_to_the_ceiling_of_their_currency() {
    let shop = shop(&[], &[], &[], &[("HKD", 500_000), ("JPY", 80)]);
    let denied = Some(Right::MaxAmount);
    for path in [
        "/trade/v1/payment",
        "/payment_element/v1/create_payment_intent",
        "/product/v1/create",
        "/checkstand/",
    ] {
        for (form, right) in [
            ("txamt=500000&txcurrcd=HKD", None),
            ("txamt=0500000&txcurrcd=HKD", None),
            ("txamt=0&txcurrcd=HKD", None),
            ("txamt=80&txcurrcd=JPY", None),
            ("txamt=81&txcurrcd=JPY", denied),
            ("txamt=500001&txcurrcd=HKD", denied),
            ("txamt=1&txcurrcd=USD", denied),
            ("txamt=1&txcurrcd=hkd", denied),
            ("txamt=1&txcurrcd=", denied),
            ("txamt=1", denied),
            ("txcurrcd=HKD", denied),
            ("", denied),
            ("txamt=&txcurrcd=HKD", denied),
            ("txamt=1.0&txcurrcd=HKD", denied),
            ("txamt=1e9&txcurrcd=HKD", denied),
            ("txamt=+1&txcurrcd=HKD", denied),
            ("txamt=-1&txcurrcd=HKD", denied),
            ("txamt= 1&txcurrcd=HKD", denied),
            ("txamt=0x10&txcurrcd=HKD", denied),
            ("txamt=1_0&txcurrcd=HKD", denied),
            ("txamt=\u{661}&txcurrcd=HKD", denied),
            ("txamt=99999999999999999999999999&txcurrcd=HKD", denied),
            ("txamt=1&txcurrcd=HKD&TXAMT=9", denied),
            ("txamt=1&txcurrcd=HKD&tx_amt=9", denied),
            ("txamt=1&txcurrcd=HKD&tx.currcd=JPY", denied),
        ] {
            assert_eq!(lacks(&shop, "a", path, form), right, "{path} {form}");
        }
    }
    // QFPay has no currency here: the smallest ceiling, unless the call names one.
    for path in [
        "/trade/v1/refund",
        "/trade/v1/reversal",
        "/trade/v1/close",
        "/trade/v1/authtrade",
        "/trade/v1/unfreeze",
    ] {
        for (form, right) in [
            ("txamt=80", None),
            ("txamt=81", denied),
            ("txamt=81&txcurrcd=HKD", None),
            ("txamt=500001&txcurrcd=HKD", denied),
            ("txamt=1&txcurrcd=USD", denied),
            ("txamt=8 0", denied),
            ("txamt=1&TxAmt=100", denied),
            ("syssn=1", Some(Right::Endpoints)),
        ] {
            assert_eq!(lacks(&shop, "a", path, form), right, "{path} {form}");
        }
    }
    for (path, form) in [
        ("/trade/v1/query", "txamt=999999999"),
        ("/customer/v1/create", "name=x"),
        ("/q/direct", "txamt=999999999&currency=HKD"),
        ("/tool/v1/get_weixin_openid", "code=1"),
    ] {
        assert_eq!(lacks(&shop, "a", path, form), None, "{path}");
    }
    assert_eq!(lacks(&shop, "a", "/product/v1/update", "txamt=81"), denied);
}

#[test]
fn what_moves_money_without_an_amount_needs_its_exact_path() {
    for (path, form) in [
        ("/trade/v1/reversal", "syssn=1"),
        ("/trade/v1/payment_verify", "syssn=1"),
        ("/subscription/v1/create", "products=x"),
        // An amount that QFPay does not read bounds nothing.
        ("/subscription/v1/charge", "subscription_id=1&txamt=1"),
        ("/subscription/v1/update", "txamt=1"),
        ("/trade/v1/brand_new", "txamt=1"),
        ("/trade/v1/brand_new", "amount=1"),
    ] {
        let prefix = &path[..=path.rfind('/').unwrap()];
        for (endpoints, right) in
            [(&[][..], Some(Right::Endpoints)), (&[prefix], Some(Right::Endpoints)), (&[prefix, path], None)]
        {
            let bounded = shop(&[], &[], endpoints, &[("HKD", 100)]);
            assert_eq!(lacks(&bounded, "a", path, form), right, "{path} {form} {endpoints:?}");
            let free = shop(&[], &[], endpoints, &[]);
            assert_eq!(lacks(&free, "a", path, form), None, "{path} {form} {endpoints:?}");
        }
    }
    let exact = shop(&[], &[], &["/trade/v1/brand_new"], &[("HKD", 100)]);
    assert_eq!(lacks(&exact, "a", "/trade/v1/brand_new", "txamt=101"), Some(Right::MaxAmount));
}

#[test]
fn endpoints_that_match_nothing_are_slips() {
    use crate::access::BadEndpoint;
    let refused = |entry: &str| Endpoints::new(vec![entry.to_owned()]).unwrap_err().1;
    assert_eq!(refused("trade/v1/"), BadEndpoint::Slash);
    assert_eq!(refused("/trade/../v1/"), BadEndpoint::Characters);
    assert_eq!(refused("/trade/v1"), BadEndpoint::Family("/trade/v1".to_owned()));
    assert!(matches!(refused("/trade/v1/Refund"), BadEndpoint::Misspelt(_)));
    assert_eq!(refused("/sidecar/v1/verify"), BadEndpoint::Own);
    Endpoints::new(vec!["/".to_owned(), "/q/direct".to_owned(), "/trade/v1/new".to_owned()]).unwrap();
}
