"""What web pages in a real Chromium can do to a sidecar on the same machine: nothing.

Started by tests/browser/run, which sets BINARY and ARTIFACTS. An attacker's page is open in the browser and tries
everything that a page can send, also under a name of its own that it points at the sidecar (DNS rebinding). After each try
the sandbox's record must be what it was before, to the byte, and the sidecar must have counted a refusal: a try that never
arrived proves nothing. Then the same payment by a server arrives, a customer's browser reaches its pages through the
shop's web server, and can change nothing in those that the shop signed. One line per step, exits 1 on a failure.
"""

import http.client
import os
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import requests
import steps
import tries
from chromium import ARTIFACTS, WAIT, Browser, free_port
from nginx import Nginx
from stage import APP_CODE, Sidecar, Web

# Names of an attacker and of a shop. Both lead to this machine: for a rebound name that is the whole attack.
RESOLVER = "--host-resolver-rules=MAP attacker.test 127.0.0.1, MAP shop.test 127.0.0.1"
PAYMENT = {"txamt": "100", "txcurrcd": "HKD", "pay_type": "800201", "txdtm": "2026-01-31 12:00:00", "out_trade_no": "a"}
FORM = urlencode(PAYMENT)
OAUTH = "/tool/v1/get_weixin_oauth_code?redirect_uri="
CHECKOUT = "/checkstand/?" + urlencode({
    "paysource": "a_checkout", "txamt": "100", "txcurrcd": "HKD", "out_trade_no": "checkout", "goods_name": "Milk tea",
    "return_url": "http://shop.test/", "failed_url": "http://shop.test/", "notify_url": "http://shop.test/",
})
LOCAL_KEY = os.urandom(32).hex()
SHOPS = Path(__file__).resolve().parents[2] / "examples" / "signed-pages"
DIRECT = "/q/direct?" + urlencode({
    "appId": "a", "timeStamp": "1", "nonceStr": "n", "package": "p", "signType": "MD5", "paySign": "s", "mchntnm": "m",
    "txamt": "1", "currency": "HKD", "redirect_url": "http://shop.test/",
})
# What a page would like to reach, by listener.
WANTED_BY_POST = [
    ("api", "/trade/v1/payment"),
    ("api", "/sidecar/v1/verify"),
    ("notifications", "/n"),
    ("admin", "/metrics"),
    ("sandbox", "/trade/v1/payment"),
    ("sandbox", "/sandbox/orders/1"),
]
WANTED_BY_GET = [
    ("api", "/trade/v1/query"),
    ("api", "/trade/v1/close"),
    ("api", OAUTH.split("?")[0]),
    ("api", "/checkstand/"),
    ("api", "/q/direct"),
    ("admin", "/metrics"),
    ("sandbox", "/trade/v1/query"),
    ("sandbox", "/sandbox/"),
]
count = 0


def refused(what, sidecar, attempt):
    """Makes an attempt that must arrive at the gate and get no further; answers what it returned."""
    global count
    before, record = sidecar.refusals(), sidecar.record()
    try:
        learnt = attempt()
    except Exception as problem:
        raise AssertionError(f"{what}: {problem}") from problem
    deadline = time.monotonic() + WAIT
    while sidecar.refusals() == before:
        assert time.monotonic() < deadline, f"{what}: no refusal was counted; the page learnt {learnt!r}"
        time.sleep(0.05)
    assert sidecar.record() == record, f"{what}: it reached the sandbox"
    count += 1
    return learnt


def attacker(page):
    """The attacker's web server: `page` is the text of its page, which may be changed."""
    return Web(free_port(), lambda _: page[0])


def scripts_of_a_foreign_page():
    with Sidecar() as sidecar, attacker(["attacker"]) as web, Browser(RESOLVER) as browser:
        # Of another site, and of the same site as the sidecar, which is as foreign.
        for origin in ("http://attacker.test", "http://127.0.0.1"):
            browser.open(f"{origin}:{web.server_port}/")
            for wanted, scripts in ((WANTED_BY_POST, tries.POSTS), (WANTED_BY_GET, tries.GETS)):
                for listener, path in wanted:
                    for name, script in scripts.items():
                        url = sidecar.urls[listener] + path
                        attempt = lambda: tries.run(browser.driver, script, url, FORM)
                        what = f"{name} from {origin} to {listener} {path}"
                        learnt = refused(what, sidecar, attempt)
                        assert learnt in tries.NOTHING, f"{what}: the page learnt {learnt!r}"
        by_name = sidecar.urls["api"].replace("127.0.0.1", "localhost") + "/trade/v1/payment"
        for name, script in tries.POSTS.items():
            refused(f"{name} to localhost", sidecar, lambda: tries.run(browser.driver, script, by_name, FORM))


def forms_and_links():
    page = [""]
    with Sidecar() as sidecar, attacker(page) as web, Browser(RESOLVER) as browser:
        def lead(to):
            browser.open(f"http://attacker.test:{web.server_port}/")
            browser.until(f"not at {to}", lambda: browser.driver.current_url.startswith(to.split("?")[0]))
            text = browser.text()
            assert "web page" in text or "another page" in text, f"{to} says {text!r}"

        for referrer in ("unsafe-url", "no-referrer"):
            for enctype in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
                for listener, path in WANTED_BY_POST:
                    to = sidecar.urls[listener] + path
                    page[0] = tries.page_with_form(to, enctype, PAYMENT, referrer)
                    refused(f"a form, {enctype}, to {listener} {path}", sidecar, lambda: lead(to))
            for listener, path in WANTED_BY_GET:
                to = f"{sidecar.urls[listener]}{path}?{FORM}"
                page[0] = tries.page_that_leads(to, referrer)
                refused(f"a link to {listener} {path}", sidecar, lambda: lead(to))


def rebound_names():
    """The page comes from a server of the attacker's, then its name leads to the sidecar: one origin for the browser."""
    for listener in ("api", "admin", "notifications", "sandbox"):
        port = free_port()
        base = f"http://attacker.test:{port}"
        with Browser(RESOLVER) as browser:
            with Web(port, lambda _: "attacker"):
                browser.open(base + "/")
                assert browser.text() == "attacker"
            with Sidecar(prefix="/pay", **{listener: f"127.0.0.1:{port}"}) as sidecar:
                for wanted, scripts in ((WANTED_BY_POST, tries.POSTS), (WANTED_BY_GET, tries.GETS)):
                    for path in [path for at, path in wanted if at == listener]:
                        for name, script in scripts.items():
                            what = f"{name} of a rebound page to {listener} {path}"
                            attempt = lambda: tries.run(browser.driver, script, base + path, FORM)
                            learnt = refused(what, sidecar, attempt)
                            # Of one origin, it may read the refusal.
                            told = "host_refused" in learnt or "is not the sidecar's" in learnt
                            assert told or learnt in tries.NOTHING | {"basic"}, f"{what}: the page learnt {learnt!r}"


def a_server_is_served():
    """The control: what the pages tried, from server code. Otherwise nothing above would prove anything."""
    with Sidecar() as sidecar:
        before, record = sidecar.refusals(), sidecar.record()
        paid = requests.post(sidecar.urls["api"] + "/trade/v1/payment", data=PAYMENT, timeout=WAIT).json()
        assert paid["respcd"] == "0000", paid
        assert sidecar.refusals() == before and sidecar.record() != record
        typed = requests.get(sidecar.urls["api"] + OAUTH + "http://shop.test/", timeout=WAIT, allow_redirects=False)
        assert typed.status_code == 302, typed.text


def customers_reach_their_pages():
    """The migration case: links that an old shop makes by hand, below a prefix that its web server passes on."""
    with Sidecar(prefix="/pay") as sidecar:
        def shop(request):
            if not request.path.startswith("/pay/"):
                links = {"signin": OAUTH + quote(f"http://shop.test:{port}/callback"), "checkout": CHECKOUT, "direct": DIRECT}
                return "shop " + "".join(f'<a id="{name}" href="/pay{to}">{name}</a> ' for name, to in links.items())
            # As a web server passes a request on, with the shop's own Host and all that the browser says.
            upstream = http.client.HTTPConnection(urlsplit(sidecar.urls["api"]).netloc, timeout=WAIT)
            upstream.request("GET", request.path, headers=dict(request.headers))
            answer = upstream.getresponse()
            request.send_response(answer.status)
            for name in ("Location", "Content-Type"):
                if answer.getheader(name):
                    request.send_header(name, answer.getheader(name))
            request.end_headers()
            request.wfile.write(answer.read())
            upstream.close()
            return None

        port = free_port()
        base = f"http://shop.test:{port}"
        with Web(port, shop), Browser(RESOLVER) as browser:
            def click(name, arrives):
                browser.open(base + "/")
                browser.driver.find_element("id", name).click()
                browser.until(f"{name} does not lead there", arrives)

            click("signin", lambda: browser.driver.current_url.startswith(base + "/callback?code="))
            # The shop signs nothing, so a checkout could be anybody's.
            click("checkout", lambda: "This page cannot be opened" in browser.text())
            click("direct", lambda: "/q/direct" in browser.driver.current_url and "No such order" in browser.text())
            browser.picture("attack-customer")
            for call in ("/trade/v1/query?" + FORM, "/sidecar/v1/verify"):
                attempt = lambda: requests.get(f"http://127.0.0.1:{port}/pay{call}", timeout=WAIT).status_code
                assert refused(f"the web server passes {call}", sidecar, attempt) == 421


def shop_that_signs(name, sidecar, port, log):
    """The example shop of that name, started as its README says, on a free port; `port` is nginx's."""
    own = free_port()
    command = {
        "php": ["php", "-S", f"127.0.0.1:{own}", str(SHOPS / "php" / "index.php")],
        "java": ["java", str(SHOPS / "java" / "Shop.java")],
    }[name]
    shop = f"http://shop.test:{port}"
    env = {"PAGES_URL": shop + "/pay", "SHOP_URL": shop, "LOCAL_KEY_FILE": str(sidecar.key_file), "PORT": str(own)}
    env = {**os.environ, **env, "APP_CODE": APP_CODE}
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = time.monotonic() + WAIT
    while True:
        try:
            requests.get(f"http://127.0.0.1:{own}/", timeout=5)
            return process, f"http://127.0.0.1:{own}"
        except requests.ConnectionError:
            if process.poll() is not None or time.monotonic() > deadline:
                steps.stop(process)
                raise
            time.sleep(0.1)


def changes(link, base):
    """What a customer makes of a link of the shop's: each value changed, each taken out, and others put in."""
    address, _, query = link.partition("?")
    pairs = parse_qsl(query)
    url = lambda pairs: f"{address}?{urlencode(pairs, quote_via=quote)}"
    for at, (name, value) in enumerate(pairs):
        yield f"{name} taken out", url(pairs[:at] + pairs[at + 1 :])
        yield f"{name} changed", url(pairs[:at] + [(name, "1" if value != "1" else "2")] + pairs[at + 1 :])
    yield "sign twice", url(pairs + [pair for pair in pairs if pair[0] == "sign"])
    put_in = [("notify_url", f"{base}/mine"), ("cancel_url", f"{base}/mine"), ("mchntid", "M9"), ("limit_pay", "no_credit")]
    taken = dict(pairs)
    for name, value in put_in if "checkstand" in address else [("mchid", "M9")]:
        if name not in taken:
            yield f"{name} put in", url(pairs + [(name, value)])


def customers_of_a_shop_that_signs(name):
    """An old shop that signs its pages with a local key, behind nginx: they open as it wrote them, and in no other way."""
    log = open(ARTIFACTS / f"signed-pages-{name}.log", "wb")
    with log, Sidecar(prefix="/pay", local_key=LOCAL_KEY) as sidecar:
        port = free_port()
        base = f"http://shop.test:{port}"
        process, shop = shop_that_signs(name, sidecar, port, log)
        try:
            with Nginx(port, shop, sidecar.urls["api"]), Browser(RESOLVER) as browser:
                browser.open(base + "/")
                links = {link: browser.driver.find_element("id", link).get_attribute("href") for link in ("signin", "checkout")}
                browser.driver.find_element("id", "signin").click()
                browser.until("no sign-in", lambda: browser.driver.current_url.startswith(base + "/callback?code="))
                browser.open(base + "/")
                browser.driver.find_element("id", "checkout").click()
                browser.until("no checkout", lambda: "Milk tea 奶茶 & bun" in browser.text())
                browser.picture(f"signed-pages-{name}")
                browser.press("WeChat")
                browser.until("not back at the shop", lambda: "back at the shop: /done" in browser.text())
                tried = 0
                for link in links.values():
                    for what, url in changes(link, base):
                        record = sidecar.record()
                        browser.open(url)
                        text, at = browser.text(), browser.driver.current_url
                        assert at.startswith(base + "/pay/") and "This page cannot be opened" in text, f"{what}: {at}: {text!r}"
                        assert "page_not_vouched" in text, f"{what}: {text!r}"
                        assert sidecar.record() == record, f"{what}: it reached the sandbox"
                        tried += 1
                browser.picture(f"signed-pages-{name}-refused")
                for call in ("trade/v1/query", "trade/v1/refund", "sidecar/v1/verify"):
                    answer = requests.get(f"http://127.0.0.1:{port}/pay/{call}?{urlsplit(links['signin']).query}", timeout=WAIT)
                    assert "back at the shop" in answer.text, "nginx passes pages on, and nothing else"
        finally:
            steps.stop(process)
    return f"{tried} changed links refused"


def counted(step):
    """The step, which then says how many of its attempts were refused."""
    def count_refusals():
        before = count
        step()
        return f"{count - before} refused"

    return count_refusals


STEPS = [a_server_is_served, customers_reach_their_pages, forms_and_links, rebound_names, scripts_of_a_foreign_page]
SIGNED = [(f"customers of a {name} shop that signs", lambda name=name: customers_of_a_shop_that_signs(name)) for name in ("php", "java")]
steps.run("attack", [(step.__name__.replace("_", " "), counted(step)) for step in STEPS] + SIGNED)
