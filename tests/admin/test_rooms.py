"""Every room, light and dark, wide and narrow: no barrier, nothing too wide, no complaint; and its pictures.

``make screenshots`` runs this with ``--screens docs/screens``, and the pictures are written there.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.admin.browsing import assert_accessible, install
from tests.admin.factories import session_token
from tests.admin.full_shop import fill_shop
from tests.admin.rooms import LOOKS
from tests.admin.stage import SHOP, Stage

pytestmark = pytest.mark.browser

#: The looks that are kept as pictures; the others are only walked through.
KEPT = {("light", 1280), ("dark", 390)}
#: How much of a long page a picture shows, in pixels.
TALLEST = 1500


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_room_has_a_barrier(
    browser: Browser, page: object, stage: Stage, scheme: str, width: int, screens: Path | None
) -> None:
    shop = fill_shop(install(page, stage))  # type: ignore[arg-type]  # the fixture's page
    app_url = stage.app.config["SETTINGS"].app_url
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    alone = context.new_page()
    complaints: list[str] = []
    alone.on("pageerror", lambda error: complaints.append(str(error)))
    for look in LOOKS:
        path = look.path(shop)
        alone.goto(f"{app_url}{path}{'&' if '?' in path else '?'}id_token={session_token(SHOP)}&shop={SHOP}")
        assert_accessible(alone)
        assert complaints == [], look.name
        if screens is not None and look.is_kept and (scheme, width) in KEPT:
            height = min(alone.evaluate("document.documentElement.scrollHeight"), TALLEST)
            if len(alone.frames) > 1:  # a mail's frame is drawn only where it can be seen, a moment after the page
                alone.set_viewport_size({"width": width, "height": height})
                alone.wait_for_timeout(1_000)
            clip = {"x": 0, "y": 0, "width": width, "height": height}
            alone.screenshot(path=screens / f"{look.name}-{scheme}-{width}.png", full_page=True, clip=clip)  # type: ignore[arg-type]
            alone.set_viewport_size({"width": width, "height": 900})
    context.close()
