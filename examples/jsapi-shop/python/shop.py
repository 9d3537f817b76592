"""A WeChat JSAPI shop with Flask that holds no QFPay key: it calls the sidecar, unsigned.

SIDECAR_URL  where the sidecar listens, reached by this server only (default http://127.0.0.1:8787)
PORT         where this shop listens on 127.0.0.1 (default 8003)
SHOP_URL     this shop as the customer's browser reaches it (default http://127.0.0.1:PORT)
"""

import os
import time
import uuid

import requests
from flask import Flask, redirect, request
from markupsafe import escape

SIDECAR = os.environ.get("SIDECAR_URL", "http://127.0.0.1:8787")
PORT = int(os.environ.get("PORT", "8003"))
SHOP = os.environ.get("SHOP_URL", f"http://127.0.0.1:{PORT}")
PRICE = {"txamt": "1200", "txcurrcd": "HKD"}  # in cents; never taken from the browser
GOODS = "Milk tea 奶茶 & bun"

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
paid_orders = set()  # a real shop keeps its orders in a database


def page(title, body, status=200):
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html><html lang="en">{head}<h1>{escape(title)}</h1>{body}', status


def qfpay(method, path, parameters):
    """Calls QFPay through the sidecar; raises unless the outcome is success."""
    where = "params" if method == "GET" else "data"
    response = requests.request(method, SIDECAR + path, timeout=65, **{where: parameters})
    answer = response.json()
    if answer.get("respcd") != "0000":
        raise RuntimeError(f"{path}: respcd {answer.get('respcd')} {answer.get('respmsg', '')}")
    return answer


def browser_url(path, parameters):
    """The URL that the customer's browser opens next: the sidecar signs it and answers with a redirect."""
    response = requests.get(SIDECAR + path, params=parameters, timeout=10, allow_redirects=False)
    if "Location" not in response.headers:
        raise RuntimeError(f"{path}: {response.status_code} {response.text[:200]}")
    return response.headers["Location"]


def is_paid(order):
    """Asks QFPay, and looks at the order, the amount and the currency; an answer about anything else is not paid."""
    for row in qfpay("POST", "/trade/v1/query", {"out_trade_no": order}).get("data") or []:
        right = row.get("out_trade_no") == order and row.get("respcd") == "0000" and str(row.get("cancel", "0")) == "0"
        if right and str(row.get("txamt")) == PRICE["txamt"] and row.get("txcurrcd") == PRICE["txcurrcd"]:
            if order not in paid_orders:  # once, whether the customer or the notification comes first
                paid_orders.add(order)
                app.logger.warning("order %s is paid", order)
            return True
    return False


@app.get("/")
def shop():
    anybrowser = request.args.get("anybrowser") == "1"  # WeChat is not needed with the sandbox
    if "MicroMessenger" not in request.headers.get("User-Agent", "") and not anybrowser:
        return page("Please open this page in WeChat", '<p>With the sandbox: <a href="/?anybrowser=1">any browser</a>.</p>')
    buy = '<form action="/pay" method="post"><button id="buy">Buy</button></form>'
    return page("Shop", f"<p>{escape(GOODS)}, HKD 12.00</p>{buy}")


@app.post("/pay")
def pay():
    return redirect(browser_url("/tool/v1/get_weixin_oauth_code", {"redirect_uri": SHOP + "/callback"}))


@app.get("/callback")
def callback():
    code = request.args.get("code", "")
    if not code:
        return page("WeChat sent no code", '<p><a href="/">Start again</a></p>', 400)
    openid = qfpay("GET", "/tool/v1/get_weixin_openid", {"code": code})["openid"]  # a code works once
    order = "py_" + uuid.uuid4().hex
    payment = {"pay_type": "800207", "sub_openid": openid, "out_trade_no": order, "goods_name": GOODS, **PRICE}
    payment.update(txdtm=time.strftime("%Y-%m-%d %H:%M:%S"), notify_url=SHOP + "/notify")
    direct = dict(qfpay("POST", "/trade/v1/payment", payment)["pay_params"])
    direct.update(mchntnm="Tea & Co 茶", txamt=PRICE["txamt"], currency=PRICE["txcurrcd"], goods_name=GOODS)
    direct["redirect_url"] = f"{SHOP}/success?out_trade_no={order}"
    return redirect(browser_url("/q/direct", direct))


@app.get("/success")
def success():
    order = request.args.get("out_trade_no", "")  # anyone can open this page: only the query says what is true
    state = "paid" if order and is_paid(order) else "not paid (yet)"
    return page(f"Order is {state}", f'<p id="state">{escape(order)}: {state}</p>')


@app.post("/notify")
def notify():
    # A notification is a reason to ask, not a proof: whoever reaches this URL could have sent it.
    body = request.get_json(force=True, silent=True)
    order = body.get("out_trade_no") if isinstance(body, dict) else None
    if isinstance(order, str) and order:
        app.logger.warning("notified about an order; QFPay says %s", "paid" if is_paid(order) else "not paid")
    return "SUCCESS"


@app.errorhandler(Exception)
def failed(problem):
    app.logger.error("%s", problem)
    status = getattr(problem, "code", None) or 502  # a 5xx also makes QFPay send a notification again
    return page("Something went wrong", '<p>If you paid, do not pay again. <a href="/">Back</a></p>', status)


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=PORT)
