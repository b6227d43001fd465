"""Headless Chromium for the tests of the HTML report: what it shows, and that it does nothing besides."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_CHROMIUM, _DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
#: Runs before the page's own script, and is not under the page's policy.
_WATCH = """
window.happened = [];
document.addEventListener("securitypolicyviolation", (event) => happened.push(`policy: ${event.violatedDirective}`));
addEventListener("error", (event) => happened.push(`error: ${event.message}`));
for (const name of ["alert", "confirm", "prompt", "open"]) window[name] = () => happened.push(name);
"""


@contextlib.contextmanager
def browser(width: int = 1360, height: int = 900) -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own; without Chromium the test is skipped, or fails if the lab is required."""
    if missing := [program for program in (_CHROMIUM, _DRIVER) if not Path(program).exists()]:
        reason = f"no browser: {' and '.join(missing)} of the packages in script/lab-packages"
        if os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    profile = tempfile.mkdtemp(prefix="scanready-chromium-")
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(_DRIVER))
    try:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


class Page:
    """A report, opened from a file."""

    def __init__(self, driver: webdriver.Chrome, file: Path, name: str | None = None) -> None:
        if name:
            copied = file.with_name(name)
            shutil.copy(file, copied)
            file = copied
        self._driver = driver
        self._url = file.resolve().as_uri()
        driver.get("about:blank")  # leave what the browser showed before, with all that came of it
        for kind in ("performance", "browser"):
            self._log(kind)
        self.again()

    def again(self) -> None:
        """Open it anew, and wait until it is drawn."""
        self._driver.get("about:blank")
        self._driver.get(self._url)
        drawn = "return document.documentElement.dataset.drawn"
        until = time.monotonic() + 60
        while self.run(drawn) != "yes" and self.run("return happened") == [] and time.monotonic() < until:
            time.sleep(0.02)
        assert self.run(drawn) == "yes", self.run("return happened")

    def run(self, script: str) -> Any:
        """Run a script in the page."""
        return self._driver.execute_script(script)

    def wait_for(self, script: str) -> Any:
        """Run a script that calls its last argument with its result."""
        return self._driver.execute_async_script(script)

    def click(self, selector: str) -> None:
        """Click on the first element of that kind, which must be visible."""
        self._driver.find_element("css selector", selector).click()

    def choose(self, name: str, value: str) -> None:
        """Set a filter, as a user does."""
        from selenium.webdriver.support.ui import Select

        Select(self._driver.find_element("id", name)).select_by_value(value)

    def type(self, selector: str, *keys: str) -> None:
        """Type into the first element of that kind."""
        self._driver.find_element("css selector", selector).send_keys(*keys)

    def text(self, selector: str) -> str:
        """The visible text of the first element of that kind, which must be there."""
        return self.texts(selector)[0]

    def texts(self, selector: str) -> list[str]:
        """The visible text of each element of that kind; all at once, as the page may draw them anew at any time."""
        found = self.run(
            f"return [...document.querySelectorAll({json.dumps(selector)})]"
            ".map((one) => one.checkVisibility() ? (one.innerText ?? one.textContent).trim() : '')"
        )
        return [str(text) for text in found]

    def print(self) -> bytes:
        """Print to PDF."""
        done = self._driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
        return base64.b64decode(done["data"])

    def shot(self, file: Path) -> None:
        """Take a picture of what the window shows."""
        self._driver.save_screenshot(str(file))

    def _log(self, kind: str) -> list[dict[str, Any]]:
        """Take the entries of one of the browser's logs since the last call."""
        entries: list[dict[str, Any]] = self._driver.get_log(kind)  # type: ignore[no-untyped-call]  # Selenium's gap
        return entries

    def nothing_happened(self) -> None:
        """No dialog, no request but for the file itself, no violation of its policy, no error, the title as it was."""
        assert self.run("return happened") == []
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        # Less those of a new window's own page, which asks for its icons and may still be at it.
        asked = {one["request"]["url"] for one in sent if not one["documentURL"].startswith("chrome")}
        assert asked == {self._url}, asked
        assert [entry for entry in self._log("browser") if "favicon" not in entry["message"]] == []
        assert self._driver.title.startswith("Scan readiness from ")
        assert self._driver.current_url.split("#")[0] == self._url
