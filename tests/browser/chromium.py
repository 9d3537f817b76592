"""A real Chromium, driven by selenium, for the scripts beside this one. Needs ARTIFACTS, the folder for screenshots."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ARTIFACTS = Path(os.environ["ARTIFACTS"])
# The text of axe-core's axe.min.js; without it no page is looked at for what keeps people from reading it.
AXE = Path(os.environ["AXE"]).read_text(encoding="utf-8") if os.environ.get("AXE") else ""
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage --window-size=500,900"
).split()
WAIT = 20
# A page that is just being replaced: it is looked at again.
NOT_YET = (NoSuchElementException, StaleElementReferenceException)


def free_port():
    return int(subprocess.check_output([Path(__file__).resolve().parents[2] / "scripts" / "free-port"]))


class Browser:
    """A Chromium with a profile of its own that is gone afterwards. `flags` are added to the usual ones."""

    def __init__(self, *flags):
        self.profile = tempfile.mkdtemp()
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in [*FLAGS, f"--user-data-dir={self.profile}", *flags]:
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(WAIT)
        self.driver.set_script_timeout(WAIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, url):
        self.driver.get(url)

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def until(self, what, condition):
        """Waits for a condition; its failure shows where the browser was."""
        try:
            return WebDriverWait(self.driver, WAIT, ignored_exceptions=NOT_YET).until(lambda _: condition())
        except Exception as problem:
            raise AssertionError(f"{what}: at {self.driver.current_url}: {self.text()[:400]!r}") from problem

    def press(self, label):
        """Presses the button whose text begins with a word."""
        wanted = f"//button[normalize-space()='{label}' or starts-with(normalize-space(), '{label} ')]"
        self.until(f"no button {label}", lambda: self.driver.find_elements(By.XPATH, wanted))[0].click()

    def shape(self, width, scheme):
        """The width of a window in pixels, and whether its user likes it light or dark."""
        metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def picture(self, name):
        """Keeps a picture of the page, and fails if axe finds something serious in it."""
        self.driver.save_screenshot(str(ARTIFACTS / f"{name}.png"))
        if AXE:
            self.driver.execute_script(AXE)
            found = self.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")["violations"]
            serious = [
                f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]}: {each['nodes'][0]['failureSummary']}"
                for each in found
                if each["impact"] in ("serious", "critical")
            ]
            assert not serious, f"axe on {name}: " + "; ".join(serious)
