"""A shop that still signs for itself, as QFPay's Python sample does, but with a local key: it works once its base URLs and
its key constant are changed. Below PAGES_URL the sidecar takes only what that key signed; of calls it drops the signature.
Needs SIDECAR_URL, PAGES_URL, LOCAL_KEY and APP_CODE.

The shop's half is the sample's way of doing things; the customer's half is a browser that comes from the shop's page,
follows redirects and presses Pay. Its pages are below browser.public_prefix, where the shop's web server passes them on.
"""

import datetime
import hashlib
import html
import os
import re
import sys
import uuid
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests

ENVIRONMENT = os.environ["SIDECAR_URL"]  # was https://test-openapi-hk.qfapi.com
PAGES = os.environ["PAGES_URL"]  # the customer's browser opens these: was ENVIRONMENT as well
DIRECT = os.environ["PAGES_URL"]  # was https://o2-hk.qfapi.com
APP_CODE = os.environ["APP_CODE"]
CLIENT_KEY = os.environ["LOCAL_KEY"]  # was QFPay's
SHOP = "http://127.0.0.1:9"  # nobody listens there: the customer's walk ends when it arrives


def make_req_sign(data):
    """The sample's own signature: sorted, joined, key appended, MD5."""
    joined = "&".join(f"{name}={value}" for name, value in sorted(data.items()))
    return hashlib.md5((joined + CLIENT_KEY).encode("utf-8")).hexdigest().upper()


def oauth_url():
    """The sample joins this URL by hand, without percent-encoding."""
    redirect_uri = SHOP + "/callback"
    sign = make_req_sign({"app_code": APP_CODE, "redirect_uri": redirect_uri})
    return f"{PAGES}/tool/v1/get_weixin_oauth_code?app_code={APP_CODE}&sign={sign}&redirect_uri={redirect_uri}"


def get_openid(code):
    data = {"code": code}
    headers = {"X-QF-APPCODE": APP_CODE, "X-QF-SIGN": make_req_sign(data)}
    return requests.get(ENVIRONMENT + "/tool/v1/get_weixin_openid", params=data, headers=headers, timeout=20)


def payment(openid, out_trade_no):
    """Everything in the query of a POST, nothing in the body."""
    data = {
        "sub_openid": openid,
        "goods_name": "Hong Kong tea 茶",
        "txamt": "120",
        "txcurrcd": "HKD",
        "pay_type": "800207",
        "out_trade_no": out_trade_no,
        "txdtm": datetime.datetime.now().replace(microsecond=0),
    }
    headers = {"X-QF-APPCODE": APP_CODE, "X-QF-SIGN": make_req_sign(data)}
    return requests.post(ENVIRONMENT + "/trade/v1/payment", params=data, headers=headers, timeout=20)


def query(out_trade_no):
    data = {"out_trade_no": out_trade_no}
    headers = {"X-QF-APPCODE": APP_CODE, "X-QF-SIGN": make_req_sign(data)}
    return requests.post(ENVIRONMENT + "/trade/v1/query", data=data, headers=headers, timeout=20)


def direct_url(pay_params):
    fields = dict(pay_params, mchntnm="茶 & Co", txamt="120", currency="HKD", redirect_url=SHOP + "/success?shop=茶")
    return DIRECT + "/q/direct?" + urlencode(fields)


def browse(url, method="GET", data=None):
    """Follows redirects until a page or the shop; answers the URL and the page, None for the shop."""
    session = requests.Session()
    for _ in range(10):
        headers = browser_headers(url, method)
        response = session.request(method, url, data=data, headers=headers, allow_redirects=False, timeout=20)
        if response.status_code not in (301, 302, 303, 307, 308):
            return url, response
        if response.status_code in (301, 302, 303):
            method, data = "GET", None
        url = urljoin(url, response.headers["Location"])
        if url.startswith(SHOP + "/"):
            return url, None
    raise RuntimeError("more than 10 redirects")


def browser_headers(url, method):
    """What a browser says about where a request comes from, and the shop's own Host where its web server passes it on."""
    headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    headers["Sec-Fetch-Site"] = "cross-site" if method == "GET" else "same-origin"
    if url.startswith(PAGES + "/"):
        headers.update({"Host": "www.shop.example", "Referer": "https://www.shop.example/cart"})
    return headers


def press_pay(url, page):
    """Sends the form whose button says Pay, as a browser does."""
    for form in re.findall(r"<form\b.*?</form>", page, re.S | re.I):
        buttons = re.findall(r"<button\b([^>]*)>(.*?)</button>", form, re.S | re.I)
        pay = [attributes for attributes, text in buttons if re.search(r"\bpay\b", re.sub("<[^>]*>", "", text), re.I)]
        if not pay:
            continue
        action = attribute(re.match(r"<form\b([^>]*)>", form, re.I).group(1), "action")
        fields = [found for found in re.findall(r"<input\b([^>]*)>", form, re.I)] + pay[:1]
        data = [(attribute(field, "name"), attribute(field, "value") or "") for field in fields]
        return browse(urljoin(url, action or url), "POST", [(name, value) for name, value in data if name])
    raise RuntimeError("no form with a Pay button: " + page[:300])


def shown(page):
    return "the shop" if page is None else f"{page.status_code} {page.text[:300]!r}"


def attribute(text, name):
    found = re.search(rf"""\b{name}\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", text, re.I)
    return html.unescape(next(group for group in found.groups() if group is not None)) if found else None


def require(name, good, why):
    print(f"ok migration.py {name}" if good else f"not ok migration.py {name}: {why}", flush=True)
    if not good:
        sys.exit(1)


def answered(name, response):
    """QFPay says success, and the signature that it saw was right, which the shop's own is not."""
    good = response.json().get("respcd") == "0000" and response.headers.get("X-Sandbox-Signature") == "verified"
    require(name, good, f"{dict(response.headers)} {response.text[:300]}")
    return response.json()


at, page = browse(oauth_url())
code = parse_qs(urlsplit(at).query).get("code", [""])[0]
require("oauth code", page is None and code, f"ended at {at}: {shown(page)}")
openid = answered("openid", get_openid(code))["openid"]
order = "migration_" + uuid.uuid4().hex
pay_params = answered("payment", payment(openid, order))["pay_params"]
at, page = browse(direct_url(pay_params))
require("q/direct page", page is not None and page.status_code == 200, f"ended at {at}: {shown(page)}")
before = answered("query before", query(order))["data"]
require("not paid before Pay", before[0]["respcd"] != "0000", f"data is {before}")
at, page = press_pay(at, page.text)
require("back at the shop", page is None and at.startswith(SHOP + "/success"), f"ended at {at}: {shown(page)}")
rows = answered("query after", query(order))["data"]
require("paid", len(rows) == 1 and rows[0]["respcd"] == "0000" and str(rows[0]["txamt"]) == "120", f"data is {rows}")
