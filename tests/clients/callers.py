"""The sidecar as Python shops call it, with requests. Needs SIDECAR_URL; prints one line per call, exits 1 on any failure."""

import html
import os
import sys
import time
import uuid

import requests

BASE = os.environ["SIDECAR_URL"]
GOODS = "Tea 茶 + milk & sugar = 50% off 🍵"
failed = False


def payment():
    """The parameters of a payment that nobody made before."""
    return {
        "txamt": "100",
        "txcurrcd": "HKD",
        "pay_type": "800201",
        "out_trade_no": "python_" + uuid.uuid4().hex,
        "txdtm": time.strftime("%Y-%m-%d %H:%M:%S"),
        "goods_name": GOODS,
    }


def check(name, method, path, order=None, **arguments):
    """Calls, requires success and a verified signature; the page behind a payment's QR code must show its goods_name."""
    global failed
    answer = {}
    try:
        response = requests.request(method, BASE + path, timeout=20, **arguments)
        answer = response.json()
        why = ""
        if answer.get("respcd") != "0000":
            why = f"respcd is not 0000: {response.text[:300]}"
        elif response.headers.get("X-Sandbox-Signature") != "verified":
            why = "no X-Sandbox-Signature: verified"
        elif order and answer.get("out_trade_no") != order:
            why = f"the answer is about another order: {response.text[:300]}"
        elif order:
            page = requests.get(answer["qrcode"], timeout=20).content.decode("utf-8")
            if html.escape(GOODS) not in page:
                why = f"the customer does not see {GOODS}: {page}"
    except Exception as problem:  # a caller that fails in any way at all is a failed test, and the next one still runs
        why = repr(problem)[:300]
    print(f"not ok python {name}: {why}" if why else f"ok python {name}", flush=True)
    failed = failed or bool(why)
    return answer


pay = payment()
check("data=", "POST", "/trade/v1/payment", pay["out_trade_no"], data=pay)
pay = payment()
check("params=, empty body", "POST", "/trade/v1/payment", pay["out_trade_no"], params=pay)
pay = payment()
check("json=", "POST", "/trade/v1/payment", pay["out_trade_no"], json={**pay, "txamt": 100, "mchid": None})
pay = payment()
check("files=", "POST", "/trade/v1/payment", pay["out_trade_no"], files={name: (None, value) for name, value in pay.items()})
check("GET query", "GET", "/trade/v1/query", params={"out_trade_no": pay["out_trade_no"]})
check("POST query", "POST", "/trade/v1/query", data={"out_trade_no": pay["out_trade_no"]})

# The customer's part of the WeChat sign-in: the signed URL, then the sandbox's redirect with the code.
signed = requests.get(
    BASE + "/tool/v1/get_weixin_oauth_code",
    params={"redirect_uri": "http://127.0.0.1:9/callback?shop=茶"},
    headers={"Accept": "application/json"},
    timeout=20,
).json()["url"]
back = requests.get(signed, allow_redirects=False, timeout=20).headers["Location"]
code = requests.utils.urlparse(back).query.rsplit("code=", 1)[1]
if not check("GET openid", "GET", "/tool/v1/get_weixin_openid", params={"code": code}).get("openid"):
    print("not ok python GET openid: no openid in the answer")
    failed = True

sys.exit(failed)
