"""The sandbox's console and the payer's pages with Chromium: at both ends of width, light and dark, with and without script.

Started by tests/browser/run, which sets SIDECAR_URL, SANDBOX_URL, ARTIFACTS and AXE. One line per step, exits 1 on a failure.
"""

import os
import time
import uuid

import requests
from chromium import Browser
from selenium.webdriver.common.by import By
from steps import run

SIDECAR = os.environ["SIDECAR_URL"]
SANDBOX = os.environ["SANDBOX_URL"]
WIDTHS = (390, 1280)


def post(path, **form):
    return requests.post(SANDBOX + path, data=form, timeout=20)


def pay(order, **more):
    payment = {"txamt": "1200", "txcurrcd": "HKD", "pay_type": "800201", "out_trade_no": order}
    payment.update(txdtm="2026-01-02 03:04:05", goods_name="Milk tea 奶茶 & bun", **more)
    answer = requests.post(SIDECAR + "/trade/v1/payment", data=payment, timeout=70).json()
    return answer


def orders(**query):
    """The sandbox's orders as a test reads them."""
    return requests.get(SANDBOX + "/sandbox/orders.json", params=query, timeout=20).json()["orders"]


def stock():
    """An empty sandbox, then orders of three merchants in several states, and a request with a wrong signature."""
    assert post("/sandbox/reset").status_code == 200
    pages = {}
    for number, mchid in (("A-open", "M0001"), ("A-paid", "M0001"), ("B-refunded", "M0002"), ("C-closed", "M0003")):
        pages[number] = pay(number, mchid=mchid, notify_url="http://127.0.0.1:9/notify")["qrcode"]
    for number in ("A-paid", "B-refunded"):
        requests.post(pages[number], data={"action": "pay"}, timeout=20)
    number = {order["out_trade_no"]: order["number"] for order in orders()}
    assert post(f"/sandbox/orders/{number['B-refunded']}", action="refund").status_code == 200
    assert post(f"/sandbox/orders/{number['C-closed']}", action="cancel").status_code == 200
    headers = {"X-QF-APPCODE": "5A4DB0C55A4DB0C55A4DB0C55A4DB0C5", "X-QF-SIGN": "0" * 32}
    requests.post(SANDBOX + "/trade/v1/query", data={"out_trade_no": "A-paid"}, headers=headers, timeout=20)
    requests.post(SIDECAR + "/trade/v1/query", data={"out_trade_no": "A-paid", "mchid": "M0001"}, timeout=20)
    return pages, number


def checkout(**more):
    parameters = {"txamt": "1200", "txcurrcd": "HKD", "out_trade_no": "checkout_" + uuid.uuid4().hex}
    parameters.update(txdtm="2026-01-02 03:04:05", goods_name="Milk tea 奶茶 & bun", paysource="shop_checkout", **more)
    parameters.update({name: SANDBOX + "/sandbox/" for name in ("return_url", "failed_url")}, notify_url="http://127.0.0.1:9/")
    answer = requests.get(SIDECAR + "/checkstand", params=parameters, timeout=20, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def every_page():
    """Each page fits its window, and axe finds nothing serious; a picture of each is kept."""
    pages, number = stock()
    paid, refunded = number["A-paid"], number["B-refunded"]
    # The newest request is the query of A-paid.
    request = requests.get(SANDBOX + "/sandbox/requests.json", timeout=20).json()["requests"][0]["number"]
    shown = {
        "console": SANDBOX + "/sandbox/",
        "console-filtered": SANDBOX + "/sandbox/?mchid=M0002",
        "order-open": f"{SANDBOX}/sandbox/orders/{number['A-open']}",
        "order-paid": f"{SANDBOX}/sandbox/orders/{paid}",
        "order-refunded": f"{SANDBOX}/sandbox/orders/{refunded}",
        "request": f"{SANDBOX}/sandbox/requests/{request}",
        "request-wrong": f"{SANDBOX}/sandbox/requests/{request - 1}",
        "no-order": SANDBOX + "/sandbox/orders/999999",
        "pay": pages["A-open"],
        "pay-hk": pages["A-open"] + "?lang=zh-hk",
        "pay-paid": pages["A-paid"],
        "pay-unknown": SANDBOX + "/q/pay/nobody",
        "checkout": checkout(),
        "checkout-hk": checkout(lang="zh-hk"),
        "checkout-empty": SANDBOX + "/checkstand/",
    }
    checked = 0
    with Browser() as browser:
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                browser.shape(width, scheme)
                for name, url in shown.items():
                    browser.open("about:blank")  # a fragment alone would not load the checkout again
                    browser.open(url)
                    if name.startswith("checkout") and name != "checkout-empty":
                        browser.until("no checkout", lambda: browser.driver.find_elements(By.NAME, "pay_type"))
                    over = browser.driver.execute_script(
                        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
                    )
                    assert over <= 0, f"{name} is {over} px wider than its {width} px"
                    browser.picture(f"{name}-{width}-{scheme}")
                    checked += 1
    return f"{checked} pages"


def one_language():
    """The payer's pages speak the language that is asked for, and nothing beside it."""
    pages, _ = stock()
    chinese = lambda text: [c for c in text if "\u4e00" <= c <= "\u9fff"]
    with Browser("--lang=en") as browser:
        browser.open(pages["A-open"] + "?lang=en")
        assert browser.driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
        assert not chinese(browser.text().replace("奶茶", "")), browser.text()
        for lang, pay_word in (("zh-hk", "未支付"), ("zh-cn", "未支付")):
            browser.open(pages["A-open"] + "?lang=" + lang)
            assert browser.driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == lang
            assert pay_word in browser.text() and "Pay" not in browser.text(), browser.text()
        browser.open(pages["A-paid"])
        assert "paid" in browser.text()
        assert not [button.text for button in browser.driver.find_elements(By.TAG_NAME, "button") if "Pay" in button.text]
        browser.open(checkout(lang="zh-hk"))
        browser.until("no checkout", lambda: "微信支付" in browser.text())
        assert "Checkout" not in browser.text() and "Cancel" not in browser.text(), browser.text()


def a_way_through():
    """From / by search, filter, link and button, with the script and without; what is new appears by itself."""
    for script in (True, False):
        stock()
        with Browser() as browser:
            browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
            find = lambda by, what: browser.driver.find_element(by, what)
            browser.open(SANDBOX + "/")
            assert browser.driver.current_url == SANDBOX + "/sandbox/"
            table = lambda: find(By.TAG_NAME, "tbody").text
            for number in ("A-open", "A-paid", "B-refunded", "C-closed"):
                assert number in table(), f"{number}: {table()}"
            # Each button says whose it is.
            names = [button.accessible_name for button in browser.driver.find_elements(By.CSS_SELECTOR, "tbody button")]
            assert len(names) == len(set(names)) and any("A-open" in name for name in names), names
            new = "new-" + uuid.uuid4().hex
            pay(new, mchid="M0001")
            if script:
                browser.until("the new order does not appear", lambda: new in table())
            find(By.NAME, "mchid").send_keys("M0002")
            browser.press("Filter")
            browser.until("not filtered", lambda: "mchid=M0002" in browser.driver.current_url)
            assert "B-refunded" in table() and "A-open" not in table(), table()
            browser.press("Notify again")
            browser.until("the filter is lost", lambda: browser.driver.current_url.endswith("/sandbox/?mchid=M0002"))
            find(By.LINK_TEXT, "Show all 全部").click()
            find(By.NAME, "q").send_keys(new)
            browser.press("Filter")
            browser.until("not found", lambda: "q=new-" in browser.driver.current_url)
            find(By.LINK_TEXT, new).click()
            browser.until("no page of the order", lambda: "/sandbox/orders/" in browser.driver.current_url)
            browser.press("Pay")
            browser.until("not paid", lambda: "paid 已支付 (0000)" in browser.text())
            assert "paid at the console" in browser.text() and "/trade/v1/payment" in browser.text(), browser.text()
            assert "/sandbox/orders/" in browser.driver.current_url
            find(By.PARTIAL_LINK_TEXT, "POST /trade/v1/payment").click()
            browser.until("no page of the request", lambda: "/sandbox/requests/" in browser.driver.current_url)
            assert "curl -i -X POST" in browser.text() and '"respcd": "0000"' in browser.text(), browser.text()
            shown = [button.is_displayed() for button in browser.driver.find_elements(By.CSS_SELECTOR, "[data-copy]")]
            assert shown == [script], "a button that needs the script is there without it, or the reverse"


def what_is_open_stays_open():
    """A renewal keeps what was unfolded and the focus."""
    stock()
    with Browser() as browser:
        browser.open(SANDBOX + "/sandbox/")
        details = browser.driver.find_elements(By.TAG_NAME, "details")[0]
        kept = details.get_attribute("id")
        details.find_element(By.TAG_NAME, "summary").click()
        new = "late-" + uuid.uuid4().hex
        pay(new)
        browser.until("the new order does not appear", lambda: new in browser.driver.find_element(By.TAG_NAME, "tbody").text)
        assert browser.driver.find_element(By.ID, kept).get_attribute("open") is not None
        button = browser.driver.find_elements(By.CSS_SELECTOR, "tbody button")[0]
        focused = button.get_attribute("id")
        browser.driver.execute_script("arguments[0].focus()", button)
        pay("late-" + uuid.uuid4().hex)
        time.sleep(2)
        assert browser.driver.switch_to.active_element.get_attribute("id") == focused


run(
    "console",
    [
        ("every page", every_page),
        ("one language", one_language),
        ("a way through", a_way_through),
        ("what is open stays open", what_is_open_stays_open),
    ],
)
