"""What somebody at a screen feels of the admin: LCP, CLS and INP as web-vitals defines them. Prints JSON lines.

The whole app runs with the sandbox's shop, and Chromium opens its rooms in the admin's frame, each time with an empty
cache: as it is on a desk, and like a slow phone (a quarter of the processor, 1.6 Mbit/s, 150 ms there and back). What
is measured is the app's own frame, from the moment it is asked for. ``baseline`` is a page of nothing but a heading.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Frame, Page, sync_playwright

from local.embedded import free_ports
from local.stack import Plan, Stack

ROOMS = ("/", "/reviews", "/orders", "/customers", "/tiers", "/rules", "/ledger", "/activity", "/settings")
WATCH = Path(__file__).with_name("vitals.js").read_text()
BASELINE = "data:text/html,<h1>Nothing</h1>"
#: What is done in which room, one after the other.
DEEDS: dict[str, dict[str, Callable[[Frame], object]]] = {
    "/orders": {
        "search the orders": lambda frame: frame.locator("#search").press_sequentially("10", delay=80),
        "filter the orders": lambda frame: frame.locator("form[data-autosubmit] select").first.select_option(index=1),
        "go to the next row": lambda frame: frame.locator("tbody tr").first.press("j"),
        "open an order": lambda frame: frame.locator("tbody a").first.click(),
    },
    "/reviews": {
        "select an order": lambda frame: frame.locator(".review__pick").first.click(),
        "select it no more": lambda frame: frame.locator(".review__pick").first.click(),
        "open the help": lambda frame: frame.locator("body").press("?"),
        "close the help": lambda frame: frame.locator("body").press("Escape"),
        "approve an order": lambda frame: frame.locator(".review [data-key=a]").first.click(),
    },
    "/customers": {
        "search the customers": lambda frame: frame.locator("#search").press_sequentially("ad", delay=80),
        "open a customer": lambda frame: frame.locator("tbody a").first.click(),
    },
    "/rules": {"open a fold": lambda frame: frame.locator("summary").first.click()},
}


@dataclass(frozen=True, slots=True)
class Profile:
    """At what somebody sits: by how much the processor is slowed, and the line (None: as it is)."""

    name: str
    width: int
    height: int
    slower: int = 1
    bits_per_second: int | None = None

    @property
    def still_ms(self) -> int:
        """Return how long to wait for what comes after a page's heading, or after a deed."""
        return 600 * self.slower


PROFILES = (Profile("desktop", 1280, 800), Profile("phone", 390, 844, slower=4, bits_per_second=1_600_000))


def main() -> None:
    """Start everything, look at each room, do what people do, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=120, help="How many orders the shop has.")
    parser.add_argument("--times", type=int, default=5, help="How often each room is opened.")
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print(json.dumps({"bench": "vitals", "skipped": "There is no Chromium on this machine."}))
        return
    sandbox_port, app_port = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="boomerang-bench-") as folder:
        Path(folder).chmod(0o755)  # started by root, the server runs as nobody
        plan = Plan(Path(folder), sandbox_port, app_port, web_processes=2, restore_rate=2000, durable=False)
        with Stack(plan, say=lambda _: None) as stack, sync_playwright() as playwright:
            _fill(stack, asked.orders)
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for profile in PROFILES:
                _measure(browser, profile, plan.sandbox_url, asked.times)
            browser.close()


def _fill(stack: Stack, orders: int) -> None:
    """Send orders through the real pipeline; in manual mode all of them wait for somebody."""
    _, shop = stack.shop.session_token()
    stack.flask("program", "set", "--shop", shop, "--mode", "manual", "--began-at", "2000-01-01T00:00+00:00")
    stack.shop.post("/history", {"orders": orders, "days": 365})
    stack.wait_until(lambda: _is_in(stack), "the orders are not in", 300)


def _is_in(stack: Stack) -> bool:
    now = stack.shop.get("/history")
    return not now["running"] and not now["waiting"]


def _measure(browser: Browser, profile: Profile, shop_url: str, times: int) -> None:
    opened = {"baseline": [_open(browser, profile, BASELINE) for _ in range(times)]}
    for room in ROOMS:
        address = f"{shop_url}/store/boomerang-demo/apps/boomerang{room.rstrip('/')}"
        opened[room] = [_open(browser, profile, address) for _ in range(times)]
    for room, seen in opened.items():
        lcp_ms, cls = (statistics.median(one[name] for one in seen) for name in ("lcp", "cls"))
        worst_ms = round(max(one["lcp"] for one in seen))
        _print(profile, page=room, lcp_ms=round(lcp_ms), worst_lcp_ms=worst_ms, cls=round(cls, 4))
    took = _live(browser, profile, f"{shop_url}/store/boomerang-demo/apps/boomerang")
    for deed, duration_ms in took.items():
        _print(profile, deed=deed, took_ms=duration_ms)
    _print(profile, inp_ms=max(took.values()))


def _print(profile: Profile, **told: object) -> None:
    line = {"bench": "vitals", "profile": profile.name, **told, "load": round(os.getloadavg()[0], 1)}
    print(json.dumps(line), flush=True)


def _open(browser: Browser, profile: Profile, address: str) -> dict[str, float]:
    """Open a page with an empty cache; return its largest paint in milliseconds, and its shifts."""
    context, page = _new_page(browser, profile)
    page.goto(address)
    frame = _frame(page, address)
    page.wait_for_timeout(profile.still_ms)
    seen: dict[str, float] = frame.evaluate("vitals()")
    context.close()
    return seen


def _new_page(browser: Browser, profile: Profile) -> tuple[BrowserContext, Page]:
    context = browser.new_context(viewport={"width": profile.width, "height": profile.height})
    context.add_init_script(WATCH)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": profile.slower})
    if profile.bits_per_second is not None:
        rate = profile.bits_per_second // 8
        devtools.send("Network.enable")
        line = {"offline": False, "latency": 150, "downloadThroughput": rate, "uploadThroughput": rate}
        devtools.send("Network.emulateNetworkConditions", line)
    return context, page


def _frame(page: Page, address: str) -> Frame:
    """Return the app's frame once it shows its heading; the page itself for the baseline."""
    if address == BASELINE:
        page.wait_for_selector("h1")
        return page.main_frame
    page.frame_locator("#app").locator("#page h1").wait_for(timeout=60_000)
    return next(frame for frame in page.frames if frame.parent_frame is not None)


def _live(browser: Browser, profile: Profile, address: str) -> dict[str, int]:
    """Do what people do in the admin; return how long each deed took to be seen, in milliseconds, at worst."""
    context, page = _new_page(browser, profile)
    took: dict[str, int] = {}
    for room, deeds in DEEDS.items():
        page.goto(f"{address}{room}")
        frame, known = _frame(page, address), 0
        for deed, do in deeds.items():
            do(frame)
            page.wait_for_timeout(profile.still_ms)
            durations = list(frame.evaluate("vitals().interactions").values())
            # Below 16 ms the browser says nothing of it.
            took[deed] = round(max(durations[known:], default=16))
            known = len(durations)
    context.close()
    return took


if __name__ == "__main__":
    main()
