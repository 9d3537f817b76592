//! `/trade/v1/query` (protocol sheet, section 3.1).

use super::answer::{Fields, Json, Refusal, refusal, result_fields, text};
use super::call::{Call, Done};
use super::clock;
use super::magic::Answer;
use super::orders::{Order, Orders};

/// Lists the app's orders and refunds, the newest first.
///
/// The outer `respcd` says that the call worked; each row's `respcd` is the state of that transaction.
pub(super) fn query(call: &Call<'_>, orders: &mut Orders) -> Result<Done, Refusal> {
    call.mchid_rule()?;
    let page = number(call, "page", 1, u64::MAX)?;
    let page_size = number(call, "page_size", 10, 100)?;
    for name in ["start_time", "end_time"] {
        if call.maybe(name).is_some_and(|time| !clock::is_date(time)) {
            return Err(refusal("1104", format!("{name} is not a date of the form YYYY-MM-DD hh:mm:ss")));
        }
    }
    let filter = Filter::of(call);
    filter.bounds()?;
    let mut notify = Vec::new();
    let mut rows = Vec::new();
    for order in orders.newest_first().filter(|order| order.app.name == call.app.name) {
        if !call.finds(order) || !filter.takes(order) {
            continue;
        }
        if filter.names_one() && order.queries_to_drop > 0 {
            order.queries_to_drop -= 1;
            return Ok(Done { magic: Some(Answer::Drop), ..Done::plain(Vec::new()) });
        }
        if order.is_due(call.instant) {
            order.settle(&call.now, "found paid by a query");
            notify.push(order.number);
        }
        if listed(filter.respcd, order.respcd()) {
            rows.push(Json::Object(row(order)));
        }
    }
    let skipped = usize::try_from((page - 1).saturating_mul(page_size)).unwrap_or(usize::MAX);
    let shown = rows.into_iter().skip(skipped).take(page_size as usize).collect();
    let mut fields = result_fields("0000", "");
    fields.extend([
        ("page", Json::Number(page)),
        ("page_size", Json::Number(page_size)),
        ("data", Json::List(shown)),
    ]);
    Ok(Done { notify, ..Done::plain(fields) })
}

fn number(call: &Call<'_>, name: &str, default: u64, most: u64) -> Result<u64, Refusal> {
    let Some(text) = call.maybe(name) else { return Ok(default) };
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ if most == u64::MAX => Err(refusal("1104", format!("{name} is not a number from 1"))),
        _ => Err(refusal("1104", format!("{name} is not a number from 1 to {most}"))),
    }
}

/// What the call asked for; read once, because there may be many orders.
struct Filter<'a> {
    syssn: Option<&'a str>,
    out_trade_no: Option<&'a str>,
    pay_type: Option<&'a str>,
    respcd: Option<&'a str>,
    start_time: Option<&'a str>,
    end_time: Option<&'a str>,
}

impl<'a> Filter<'a> {
    fn of(call: &Call<'a>) -> Self {
        let syssn = call.maybe("syssn");
        // Of two official readings this is the newer one: times do not matter when syssn is given.
        let time = |name| call.maybe(name).filter(|_| syssn.is_none());
        Self {
            syssn,
            out_trade_no: call.maybe("out_trade_no"),
            pay_type: call.maybe("pay_type"),
            respcd: call.maybe("respcd"),
            start_time: time("start_time"),
            end_time: time("end_time"),
        }
    }

    /// Whether the call names orders, not only a span of time.
    fn names_one(&self) -> bool {
        self.syssn.is_some() || self.out_trade_no.is_some()
    }

    /// A query names orders or a span of time. What QFPay does with any other is not documented, so no shop should rely on it.
    fn bounds(&self) -> Result<(), Refusal> {
        if self.names_one() || (self.start_time.is_some() && self.end_time.is_some()) {
            return Ok(());
        }
        let said = "a query names a syssn, an out_trade_no, or a span of time (start_time and end_time)";
        Err(refusal("1104", said))
    }

    /// Whether the order is asked for, its state (`respcd`) apart: that may change by being queried.
    fn takes(&self, order: &Order) -> bool {
        listed(self.out_trade_no, &order.request.out_trade_no)
            && listed(self.syssn, &order.syssn)
            && listed(self.pay_type, &order.request.pay_type)
            && self.start_time.is_none_or(|start| order.sysdtm.as_str() >= start)
            && self.end_time.is_none_or(|end| order.sysdtm.as_str() <= end)
    }
}

/// Whether a value is in a comma list; no list takes all.
fn listed(list: Option<&str>, value: &str) -> bool {
    list.is_none_or(|list| list.split(',').any(|item| item == value))
}

fn row(order: &Order) -> Fields {
    let request = &order.request;
    let mut fields = vec![
        text("pay_type", &request.pay_type),
        text("order_type", if order.origssn.is_some() { "refund" } else { "payment" }),
        text("txdtm", &request.txdtm),
        text("txamt", request.txamt.to_string()),
        text("txcurrcd", &request.txcurrcd),
        text("sysdtm", &order.sysdtm),
        text("paydtm", order.paydtm.clone().unwrap_or_default()),
        text("syssn", &order.syssn),
        text("out_trade_no", &request.out_trade_no),
        text("chnlsn", format!("sandbox{}", order.number)),
        text("clisn", format!("{:06}", order.number)),
        text("cancel", order.cancel()),
        text("respcd", order.respcd()),
        text("errmsg", super::answer::resperr(order.respcd())),
    ];
    if let Some(origssn) = &order.origssn {
        fields.push(text("origssn", origssn));
    }
    if let Some(note) = &order.note {
        fields.push(text("note", note));
    }
    fields
}
