//! Signed notifications to the shop (protocol sheet, section 5), and only to this machine.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Uri;
use uuid::Uuid;

mod notices;
mod post;
mod series;

use super::answer::{body_signature, dumps, text};
use super::clock::Clock;
use super::orders::{Order, OrderStatus, Ordered, Orders};
use super::{Inner, State, url};
use crate::credentials::App;

pub(super) use notices::{Next, Notice, Notices};
pub(crate) use post::post;
pub(super) use series::send;

/// A notification with its signature, ready to go.
#[derive(Clone, Debug)]
pub(super) struct Notification {
    pub order: u64,
    pub out_trade_no: String,
    pub kind: &'static str,
    pub address: SocketAddr,
    pub uri: Uri,
    pub body: String,
    pub signature: String,
}

impl Inner {
    /// The notifications about these orders. Orders without a URL, or with one on another machine, get a remark.
    pub(super) fn notifications(&self, state: &mut State, orders: &[u64]) -> Vec<Notification> {
        let mut ready = Vec::new();
        for number in orders {
            let refund_of = state.orders.by_number(*number).and_then(|order| {
                let origssn = order.origssn.clone()?;
                Some((order.app.clone(), origssn))
            });
            let payment = refund_of.and_then(|(app, syssn)| {
                state.orders.by_syssn(&app, &syssn).map(|order| order.request.out_trade_no.clone())
            });
            let Some(order) = state.orders.by_number(*number) else { continue };
            let registered = self.registered_notify_url();
            let Some(notify_url) = order.request.notify_url.clone().or(registered) else {
                order.notified = Some("not sent: no notify_url".into());
                continue;
            };
            let Some((address, uri)) = url::loopback(&notify_url) else {
                order.notified = Some("not sent: notify_url is not plain http to a loopback address".into());
                continue;
            };
            order.notified = Some("on its way".into());
            let body = body(order, payment);
            let signature = body_signature(body.as_bytes(), &order.app);
            let (out_trade_no, kind) = (order.request.out_trade_no.clone(), kind(order));
            ready.push(Notification { order: *number, out_trade_no, kind, address, uri, body, signature });
        }
        ready
    }
}

/// QFPay's `notify_type`.
fn kind(order: &Order) -> &'static str {
    if order.origssn.is_some() { "refund" } else { "payment" }
}

/// The body as QFPay prints it.
fn body(order: &Order, orig_out_trade_no: Option<String>) -> String {
    let request = &order.request;
    let mut fields = vec![
        text("status", "1"),
        text("pay_type", &request.pay_type),
        text("sysdtm", &order.sysdtm),
        text("paydtm", order.paydtm.clone().unwrap_or_default()),
        text("txdtm", &request.txdtm),
        text("goods_name", request.goods_name.clone().unwrap_or_default()),
        text("txcurrcd", &request.txcurrcd),
        text("mchid", request.mchid.clone().unwrap_or_default()),
        text("cancel", order.cancel()),
        text("syssn", &order.syssn),
        text("out_trade_no", &request.out_trade_no),
        text("txamt", request.txamt.to_string()),
        text("respcd", order.respcd()),
        text("notify_type", kind(order)),
    ];
    if let Some(number) = orig_out_trade_no {
        fields.push(text("orig_out_trade_no", number));
    }
    dumps(&fields)
}

/// A notification about nothing that ever happened, for the `trigger` command; its numbers are new every time.
pub(crate) fn fixture(app: &Arc<App>, refund: bool) -> (String, String) {
    let now = Clock::default().now();
    let mut orders = Orders::default();
    let request = Ordered {
        pay_type: "800201".into(),
        out_trade_no: format!("trigger-{}", Uuid::new_v4().simple()),
        txamt: 1200,
        txcurrcd: "HKD".into(),
        txdtm: now.clone(),
        mchid: app.mchid.clone(),
        goods_name: Some("奶茶 & 菠蘿包".into()),
        ..Ordered::default()
    };
    let paid = request.out_trade_no.clone();
    let mut order = orders.add(app, request.clone(), None, OrderStatus::Pending, &now);
    order.settle(&now, "paid");
    if refund {
        let origssn = order.syssn.clone();
        let request = Ordered { out_trade_no: format!("{paid}-refund"), ..request };
        order = orders.add(app, request, Some(origssn), OrderStatus::Pending, &now);
        order.settle(&now, "paid");
    }
    let body = body(order, refund.then_some(paid));
    let signature = body_signature(body.as_bytes(), app);
    (body, signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{AppCode, ClientKey, HexCase, SignType};
    use crate::sandbox::SANDBOX_CLIENT_KEY;

    /// Body and digest were printed by Python: `json.dumps(fields)`, `md5(body + key).hexdigest().upper()`.
    #[test]
    fn body_and_signature_are_what_python_prints() {
        let app = Arc::new(App {
            name: "shop".into(),
            app_code: AppCode::new("5A4DB0C5").unwrap(),
            client_key: ClientKey::new(SANDBOX_CLIENT_KEY.as_bytes().to_vec().into(), false).unwrap(),
            key_source: "test".into(),
            mchid: None,
            sign_type: SignType::Md5,
            hex_case: HexCase::Upper,
        });
        let order = Order {
            number: 1,
            syssn: "20260102000200020000000001".into(),
            app: app.clone(),
            origssn: None,
            status: OrderStatus::Done,
            request: Ordered {
                pay_type: "800207".into(),
                out_trade_no: "T-1/\"x\"".into(),
                txamt: 100,
                txcurrcd: "HKD".into(),
                txdtm: "2026-01-02 03:04:05".into(),
                goods_name: Some("\u{8336}\u{1F375}".into()),
                ..Ordered::default()
            },
            sysdtm: "2026-01-02 11:04:05".into(),
            paydtm: Some("2026-01-02 11:04:06".into()),
            ticket: "t".into(),
            refunded: 0,
            note: None,
            notified: None,
            appears: None,
            queries_to_drop: 0,
            events: Vec::new(),
        };
        let body = body(&order, None);
        assert_eq!(body, PYTHON_BODY);
        assert_eq!(body_signature(body.as_bytes(), &app), "F7669E8DD65ECA1159F6CB956472AABE");
    }

    const PYTHON_BODY: &str = r#"{"status": "1", "pay_type": "800207", "sysdtm": "2026-01-02 11:04:05", "paydtm": "2026-01-02 11:04:06", "txdtm": "2026-01-02 03:04:05", "goods_name": "\u8336\ud83c\udf75", "txcurrcd": "HKD", "mchid": "", "cancel": "0", "syssn": "20260102000200020000000001", "out_trade_no": "T-1/\"x\"", "txamt": "100", "respcd": "0000", "notify_type": "payment"}"#;
}
