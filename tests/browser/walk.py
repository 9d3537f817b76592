"""Walks through the example shops, the hosted checkout and the sandbox's console with Chromium.

Started by tests/browser/run, which sets SIDECAR_URL, SANDBOX_URL and ARTIFACTS. One line per step, exits 1 on a failure.
"""

import os
import signal
import subprocess
import sys
import time
import traceback
import urllib.request
import uuid
from pathlib import Path

import requests
from chromium import ARTIFACTS, WAIT, Browser, free_port
from selenium.webdriver.common.by import By

SIDECAR = os.environ["SIDECAR_URL"]
SANDBOX = os.environ["SANDBOX_URL"]
SHOPS = Path(__file__).resolve().parents[2] / "examples" / "jsapi-shop"
WECHAT = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36 MicroMessenger/8.0.47"


class Shop:
    """One example shop, started as its README says, on a free port."""

    def __init__(self, name, log):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        folder = SHOPS / name
        command = {
            "php": ["php", "-S", f"127.0.0.1:{port}", str(folder / "index.php")],
            "java": ["java", str(folder / "Shop.java")],
            "python": [sys.executable, str(folder / "shop.py")],
        }[name]
        env = {**os.environ, "SIDECAR_URL": SIDECAR, "SHOP_URL": self.url, "PORT": str(port)}
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        """Waits until the shop answers; fails at once if it ended."""
        deadline = time.monotonic() + WAIT
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise RuntimeError(f"the shop did not start, exit code {self.process.poll()}")
                time.sleep(0.1)

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def query(order):
    """What QFPay's sandbox says about an order, asked through the sidecar."""
    answer = requests.post(SIDECAR + "/trade/v1/query", data={"out_trade_no": order}, timeout=20).json()
    assert answer["respcd"] == "0000", answer
    return answer["data"]


def buy(name, browser, shop, first_page):
    """From the shop's page to its success page; answers the order's number."""
    browser.open(shop.url + first_page)
    browser.picture(f"{name}-1-shop")
    browser.driver.find_element(By.ID, "buy").click()
    browser.until("not on the pay page", lambda: "/q/direct" in browser.driver.current_url)
    for shown in ("Tea & Co 茶", "Milk tea 奶茶 & bun", "HKD 12.00"):
        assert shown in browser.text(), f"the pay page does not show {shown}: {browser.text()!r}"
    browser.picture(f"{name}-2-pay")
    unpaid = requests.get(shop.url + "/success", params={"out_trade_no": "nobody's"}, timeout=20).text
    assert "not paid" in unpaid, f"an unknown order is {unpaid}"
    browser.press("Pay")
    browser.until("not back at the shop", lambda: browser.driver.current_url.startswith(shop.url + "/success"))
    browser.picture(f"{name}-3-success")
    order, _, state = browser.driver.find_element(By.ID, "state").text.partition(": ")
    assert state == "paid", f"the shop says {browser.text()!r}"
    rows = query(order)
    assert [row["respcd"] for row in rows] == ["0000"] and str(rows[0]["txamt"]) == "1200", f"the sandbox says {rows}"
    return order


def walk_shop(name):
    with open(ARTIFACTS / f"{name}.log", "wb") as log, Shop(name, log) as shop:
        with Browser() as browser:
            browser.open(shop.url)
            assert "open this page in WeChat" in browser.text(), browser.text()
            order = buy(name, browser, shop, "/?anybrowser=1")
            browser.open(shop.url + "/callback")
            assert "no code" in browser.text(), browser.text()
        with Browser(f"--user-agent={WECHAT}") as browser:
            assert buy(name + "-wechat", browser, shop, "/") != order
        # The sandbox sent its notifications to the shop when the orders were paid.
        said = lambda: Path(log.name).read_text(errors="replace").count("notified about an order; QFPay says paid")
        deadline = time.monotonic() + WAIT
        while said() < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert said() == 2, f"the shop was notified {said()} times, not 2"
        for body in (b'{"out_trade_no": "<b>nobody</b>", "respcd": "0000", "status": "1"}', b"[]", b"no JSON", b""):
            forged = requests.post(shop.url + "/notify", data=body, timeout=20)
            assert forged.text == "SUCCESS", f"{body!r}: {forged.status_code} {forged.text}"
        assert said() == 2, "the shop believed a forged notification"
        hostile = requests.get(shop.url + "/success", params={"out_trade_no": "<script>alert(1)</script>"}, timeout=20)
        assert "<script>" not in hostile.text and "is paid" not in hostile.text, hostile.text


def walk_checkout():
    """QFPay's hosted checkout: the shop asks for the signed URL, the browser opens it and pays."""
    order = "checkout_" + uuid.uuid4().hex
    parameters = {
        "txamt": "1200",
        "txcurrcd": "HKD",
        "out_trade_no": order,
        "txdtm": time.strftime("%Y-%m-%d %H:%M:%S"),
        "goods_name": "Milk tea 奶茶 & bun",
        "paysource": "shop_checkout",
        "return_url": SANDBOX + "/sandbox/?returned=1",
        "failed_url": SANDBOX + "/sandbox/?failed=1",
        "notify_url": "http://127.0.0.1:9/notify",
    }
    answer = requests.get(SIDECAR + "/checkstand", params=parameters, timeout=20, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    with Browser() as browser:
        browser.open(answer.headers["Location"])
        browser.until("the checkout does not show the goods", lambda: "Milk tea 奶茶 & bun" in browser.text())
        browser.picture("checkout-1")
        browser.press("WeChat")
        browser.until("not back at return_url", lambda: "returned=1" in browser.driver.current_url)
        browser.picture("checkout-2-returned")
    rows = query(order)
    assert [row["respcd"] for row in rows] == ["0000"], f"the sandbox says {rows}"


def walk_console():
    """The sandbox's own page lists the orders, and pays one at the press of a button."""
    order = "console_" + uuid.uuid4().hex
    payment = {"txamt": "1200", "txcurrcd": "HKD", "pay_type": "800201", "out_trade_no": order}
    payment.update(txdtm=time.strftime("%Y-%m-%d %H:%M:%S"), goods_name="<b id='x'>tea</b>")
    assert requests.post(SIDECAR + "/trade/v1/payment", data=payment, timeout=20).json()["respcd"] == "0000"
    with Browser() as browser:
        browser.open(SANDBOX + "/sandbox/")
        browser.until("the order is not listed", lambda: order in browser.text())
        assert not browser.driver.find_elements(By.ID, "x"), "the console does not escape goods_name"
        browser.picture("console-1")
        browser.press("Pay")  # the newest order stands first
        browser.until("not paid", lambda: "paid 已支付 (0000)" in browser.driver.find_element(By.TAG_NAME, "tbody").text)
        browser.picture("console-2-paid")
    rows = query(order)
    assert [row["respcd"] for row in rows] == ["0000"], f"the sandbox says {rows}"


def main():
    # Ends by way of the context managers above, which stop what they started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = False
    steps = [(f"{name} shop", lambda name=name: walk_shop(name)) for name in ("php", "java", "python")]
    for name, step in steps + [("hosted checkout", walk_checkout), ("sandbox console", walk_console)]:
        start = time.monotonic()
        try:
            step()
            print(f"ok browser {name} ({time.monotonic() - start:.1f} s)", flush=True)
        except Exception:
            print(f"not ok browser {name}", flush=True)
            traceback.print_exc()
            failed = True
    sys.exit(failed)


main()
