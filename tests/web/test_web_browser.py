"""The pages in a real Chromium: light, dark and on a phone, without a complaint of the console or of axe; and live."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from fastapi import FastAPI
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from tests.web.conftest import ASKED_AT
from tests.web.hostile_room import hostile
from tests.web.standing import Room, app_of

from detent.values import Answered, Decided
from detent.web import kept

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: `make browser` installs it")

MODES = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1200, "height": 800}},
    "a phone's width": {
        "color_scheme": "light",
        "viewport": {"width": 360, "height": 700},
        "has_touch": True,
    },
}
GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module", autouse=True)
def at_the_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "now", lambda: ASKED_AT)
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address of the app, served by a thread."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen(64)
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [made]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{made.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def site(steered: Room, open_question: Room, climbing: Room, trying: Room) -> Iterator[str]:
    with serving(app_of(climbing, steered, open_question, trying)) as address:
        yield address


@pytest.fixture(scope="module")
def rooms(steered: Room, climbing: Room) -> tuple[Room, Room]:
    return steered, climbing


def pages_of(steered: Room, climbing: Room) -> dict[str, str]:
    data = [batch.digest for batch in steered.story.batches]
    return {
        "runs": "/",
        "run": "/runs/climbing",
        "run with people": "/runs/steered",
        "generation": "/runs/steered/generations/1?kept=all",
        "generation with trials": "/runs/trying/generations/1",
        "generation made up": f"/runs/climbing/generations/{climbing.story.turns[-1].generation}",
        "request": "/runs/asking/requests/1",
        "examples": f"/runs/steered/data/{data[-1]}",
        "tripwire": "/runs/steered/wires/drift",
        "compare": "/compare?left=climbing&right=trying",
        "ledger": "/runs/steered/ledger",
        "entry": "/runs/steered/ledger/3",
    }


def complaints(page: Page) -> list[str]:
    """A list that fills with what the console says."""
    said: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        said.append(f"{message.type}: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
def test_every_page_is_without_complaint(
    browser: Browser, site: str, rooms: tuple[Room, Room], mode: dict[str, Any], tmp_path: Path
) -> None:
    context = browser.new_context(**mode)
    page = context.new_page()
    said = complaints(page)
    for name, path in pages_of(*rooms).items():
        page.goto(site + path)
        for details in page.locator("details").all():
            details.evaluate("one => { one.open = true; }")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
        found = Axe().run(page).response["violations"]
        grave = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in GRAVE]
        assert not grave, f"{name}: {grave}"
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
    assert not said
    context.close()


def test_a_page_grows_with_its_run_and_keeps_what_a_person_has_open(browser: Browser, climbing: Room) -> None:
    entries = list(climbing.entries)
    before = next(i for i, e in enumerate(entries) if isinstance(e, Decided) and e.generation == 5)
    room = Room("live", climbing.folder, entries[: before + 1], climbing.charter, climbing.top)
    with serving(app_of(room)) as address:
        page = browser.new_page()
        said = complaints(page)
        page.goto(f"{address}/runs/live")
        page.fill("#stop-because", "half a sen")
        summary = page.locator("#progress summary").first
        summary.click()
        page.locator("#progress svg.chart").first.focus()
        page.keyboard.press("+")
        zoomed = page.locator("#progress svg.chart").first.get_attribute("viewBox")
        page.evaluate("scrollTo(0, 900)")
        room.read_on(entries)
        expect(page.locator("#timeline .top a").first).to_have_text("Generation 8")
        expect(page.locator("#news")).to_contain_text("Changed: ")
        assert page.evaluate("scrollY") == 900
        assert page.locator("#progress details").first.get_attribute("open") is not None
        assert page.locator("#progress svg.chart").first.get_attribute("viewBox") == zoomed
        assert page.evaluate("document.activeElement.tagName") == "svg"
        assert page.input_value("#stop-because") == "half a sen"
        assert not said
        page.close()


def test_what_is_typed_into_an_answer_stays_and_an_answered_question_closes_its_form(
    browser: Browser, steered: Room, open_question: Room
) -> None:
    every = steered.entries
    answered = next(i for i, entry in enumerate(every) if isinstance(entry, Answered))
    room = Room("asks", steered.folder, list(open_question.entries), steered.charter, steered.top)
    with serving(app_of(room)) as address:
        page = browser.new_page()
        page.goto(f"{address}/runs/asks/requests/1")
        page.fill("#answer textarea", "I looked at the evi")
        room.read_on(every[: answered + 1])
        expect(page.locator("#asked")).to_contain_text("Approved")
        assert page.input_value("#answer textarea") == "I looked at the evi"
        expect(page.locator("#answer textarea")).to_be_disabled()
        page.close()


def test_a_chart_zooms_by_keys_wheel_and_drag_and_comes_back(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/runs/climbing")
    chart = page.locator("#progress svg.chart").first
    whole = chart.get_attribute("viewBox")
    before = page.evaluate("scrollY")
    chart.scroll_into_view_if_needed()
    chart.hover()
    page.mouse.wheel(0, -100)  # without focus the page scrolls, and the chart stays as it is
    assert chart.get_attribute("viewBox") == whole
    chart.focus()
    chart.hover()
    page.mouse.wheel(0, -100)
    expect(chart).not_to_have_attribute("viewBox", str(whole))
    zoomed = chart.get_attribute("viewBox")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 80)
    page.mouse.up()
    assert chart.get_attribute("viewBox") != zoomed
    page.keyboard.press("0")
    assert chart.get_attribute("viewBox") == whole
    assert page.evaluate("scrollY") >= before
    page.close()


def test_without_scripts_every_chart_is_as_the_report_has_it(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/runs/climbing")
    assert page.locator("svg.chart").first.get_attribute("tabindex") is None
    assert page.locator("footer noscript p").is_visible()
    page.fill("#maps input[name=left]", "2")
    page.click("#maps button")
    assert "left=2" in page.url
    assert page.get_by_text("Generation 2", exact=True).last.is_visible()
    context.close()


def test_a_keyboard_alone_reaches_the_content_past_the_header(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/runs/steered")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.close()


@pytest.mark.parametrize(
    "attack", ["<img src=x onerror=document.title='owned'>", "\"><script>document.title='owned'</script>"]
)
def test_no_stored_script_runs(browser: Browser, attack: str, tmp_path: Path) -> None:
    room = hostile(tmp_path / "run", attack)
    with serving(app_of(room)) as address:
        page = browser.new_page()
        said = complaints(page)
        for path in (
            "/",
            "/runs/hostile",
            "/runs/hostile/generations/1?kept=all",
            "/runs/hostile/requests/1",
        ):
            page.goto(address + path)
            page.wait_for_timeout(50)
            assert page.title() != "owned"
            assert page.locator("img").count() == 0
        assert not said
        page.close()
