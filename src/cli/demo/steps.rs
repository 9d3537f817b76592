//! The steps of the demo: WeChat JSAPI from oauth code to payment, an MPM payment, a query, and a doubt that is resolved.

use hyper::header::{HeaderName, LOCATION};

use super::client::{Client, Reply};
use crate::cli::Stop;
use crate::cli::paper::{Ink, Paper, readable};
use crate::sandbox::{Received, Sandbox, Verdict};

/// Walks through all steps, and fails at the first one that QFPay would not have accepted. Gives the URL of the page on
/// which the customer pays the last order.
pub(super) async fn walk(client: &Client, sandbox: &Sandbox) -> Result<String, Stop> {
    let started = time::OffsetDateTime::now_utc().unix_timestamp();

    title("1. WeChat oauth code: a signed URL for the customer's browser; no call to QFPay");
    let target = "/tool/v1/get_weixin_oauth_code?redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback%3Fcart%3D7";
    came_in("GET", target, "");
    let reply = client.get(target).await?;
    let location = location(&reply)?;
    came_back(&reply, &format!("Location: {location}"));
    let reply = client.get(&location).await?;
    line("browser", "goes there; WeChat and QFPay send it back to the shop:");
    let callback = self::location(&reply)?;
    came_back(&reply, &format!("Location: {callback}"));
    let code =
        parameter(&callback, "code").ok_or_else(|| unexpected("a code in the callback URL", &reply))?;

    title("2. The code becomes an openid");
    let target = format!("/tool/v1/get_weixin_openid?code={code}");
    let reply = call(client, sandbox, "GET", &target, "").await?;
    let openid = reply.member("openid").ok_or_else(|| unexpected("an openid", &reply))?;

    title("3. WeChat JSAPI payment (800207), with a space, Chinese, '&' and '+' in a value");
    let form = format!(
        "txamt=2800&txcurrcd=HKD&pay_type=800207&out_trade_no=demo-jsapi-{started}&txdtm=2026-01-31+12%3A00%3A00\
         &sub_openid={openid}&goods_name=%E5%A5%B6%E8%8C%B6+%26+1%2B1"
    );
    let reply = call(client, sandbox, "POST", "/trade/v1/payment", &form).await?;
    if !reply.body.contains("\"pay_params\"") {
        return Err(unexpected("pay_params", &reply));
    }

    title("4. MPM payment (800201): a QR code that the customer scans");
    let form = format!(
        "txamt=1200&txcurrcd=HKD&pay_type=800201&out_trade_no=demo-mpm-{started}&txdtm=2026-01-31 12:00:00"
    );
    let reply = call(client, sandbox, "POST", "/trade/v1/payment", &form).await?;
    let pay_page = reply.member("qrcode").ok_or_else(|| unexpected("a qrcode", &reply))?;

    title("5. Query of both orders, parameters in the query string");
    let target = format!("/trade/v1/query?out_trade_no=demo-jsapi-{started},demo-mpm-{started}");
    call(client, sandbox, "GET", &target, "").await?;

    doubt(client, sandbox, started).await?;

    outln!(
        "\nEvery call was signed by the sidecar and verified by the sandbox.\nThe caller never had the key."
    );
    Ok(pay_page)
}

/// A payment whose answer is lost: the caller learns that nobody knows, asks what became of it, and is told.
async fn doubt(client: &Client, sandbox: &Sandbox, started: i64) -> Result<(), Stop> {
    title("6. A payment whose answer gets lost (the sandbox's txamt 4200001)");
    let form = format!(
        "txamt=4200001&txcurrcd=HKD&pay_type=800201&out_trade_no=demo-doubt-{started}&txdtm=2026-01-31 12:00:00"
    );
    came_in("POST", "/trade/v1/payment", &form);
    let reply = client.post("/trade/v1/payment", &form).await?;
    let received = sandbox.received();
    went_out(received.last().ok_or_else(|| unexpected("a request at the sandbox", &reply))?);
    came_back(&reply, &readable(&reply.body));
    let delivery = reply.header(&HeaderName::from_static("x-sidecar-delivery"));
    if delivery != Some("unknown") || reply.member("respcd").as_deref() != Some("1298") {
        return Err(unexpected("respcd 1298 and delivery unknown", &reply));
    }

    title("7. What became of it? The sidecar asks QFPay after 3 seconds");
    let target = format!("/sidecar/v1/outcome?out_trade_no=demo-doubt-{started}&wait_ms=10000");
    came_in("GET", &target, "");
    let reply = client.get(&target).await?;
    let received = sandbox.received();
    if let Some(query) = received.iter().rev().find(|arrived| arrived.target.starts_with("/trade/v1/query")) {
        went_out(query);
    }
    came_back(&reply, &readable(&reply.body));
    match reply.member("state") {
        Some(state) if state == "paid" => Ok(()),
        _ => Err(unexpected("the state paid", &reply)),
    }
}

/// Sends one call, shows what came in, what went out and what came back, and requires that the signature was right.
async fn call(
    client: &Client,
    sandbox: &Sandbox,
    method: &str,
    target: &str,
    form: &str,
) -> Result<Reply, Stop> {
    came_in(method, target, form);
    let reply = if method == "POST" { client.post(target, form).await? } else { client.get(target).await? };
    let received = sandbox.received();
    let arrived = received.last().ok_or_else(|| unexpected("a request at the sandbox", &reply))?;
    went_out(arrived);
    came_back(&reply, &readable(&reply.body));
    let verified = matches!(arrived.verdict, Verdict::Verified { .. });
    match reply.member("respcd") {
        Some(respcd) if respcd == "0000" && verified => Ok(reply),
        _ => Err(unexpected("respcd 0000 and a verified signature", &reply)),
    }
}

fn title(text: &str) {
    outln!("\n{}", Paper::of_stdout().ink(Ink::Title, text));
}

fn line(label: &str, text: &str) {
    in_colour(Ink::Label, label, text);
}

fn in_colour(ink: Ink, label: &str, text: &str) {
    outln!("{}", Paper::of_stdout().line(ink, label, 11, text));
}

fn came_in(method: &str, target: &str, form: &str) {
    line("came in", &format!("{method} {target}"));
    if !form.is_empty() {
        line("", form);
    }
}

/// What arrived at the sandbox, as it was received there.
fn went_out(arrived: &Received) {
    line("went out", &format!("{} {}", arrived.method, arrived.target));
    for name in ["x-qf-appcode", "x-qf-sign", "x-qf-signtype", "content-type"] {
        if let Some(value) = arrived.header(name) {
            line("", &format!("{name}: {value}"));
        }
    }
    if !arrived.body.is_empty() {
        line("", &String::from_utf8_lossy(&arrived.body));
    }
    let ink = if matches!(arrived.verdict, Verdict::Verified { .. }) { Ink::Good } else { Ink::Bad };
    let canonical = arrived.canonical.as_deref().unwrap_or("-");
    in_colour(ink, "QFPay saw", &format!("{canonical} (signature {})", arrived.verdict.word()));
}

fn came_back(reply: &Reply, text: &str) {
    line("came back", &format!("{} {text}", reply.status));
}

fn location(reply: &Reply) -> Result<String, Stop> {
    reply.header(&LOCATION).map(str::to_owned).ok_or_else(|| unexpected("a redirect", reply))
}

/// A parameter of a URL's query; the codes of the sandbox need no decoding.
fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

fn unexpected(wanted: &str, reply: &Reply) -> Stop {
    Stop::Failed(format!("expected {wanted}, but got {} {}", reply.status, readable(&reply.body)))
}
