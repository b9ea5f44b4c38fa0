"""A person decides in a real Chromium, with a key that never leaves it: enrolled, approved, denied, paused, halted."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.attacks.attacks_world import ASKING, ASKS, CHARTER, CLOCK, Scene, found
from tests.web.deciding_world import application, serving
from typer.testing import CliRunner

from detent.assembly import charter_of, new_code
from detent.cli.app import app as program
from detent.signing import VerifyKey
from detent.values import Answered

CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine; `make browser` installs it"
)

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def watched(context: BrowserContext) -> Iterator[Page]:
    """A page on whose console nothing may be written."""
    page, said = context.new_page(), list[str]()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    assert said == []


def enrol(page: Page, address: str, name: str, code: str) -> str:
    """Enrol a key; returns the words at the end."""
    page.goto(f"{address}/runs/run/enrol")
    page.get_by_label("Your name as a steward").fill(name)
    page.get_by_label("The code").fill(code)
    page.get_by_role("button", name="Make a key, and propose it").click()
    dialog = page.get_by_role("dialog", name="What you sign")
    expect(dialog).to_contain_text("You sign a charter: an amendment.")
    expect(dialog).to_contain_text("+ version = 2+ keys =" if False else f"{name}+")
    dialog.get_by_role("button", name=f"Sign as {name}").click()
    expect(page.locator("form#enrol .said")).to_contain_text("waits for the stewards in force")
    return page.locator("form#enrol .said").inner_text()


def press(page: Page, form: str, button: str, because: str, *, confirm: str = "") -> str:
    """Write a reason, press, and perhaps confirm; returns what was said."""
    page.locator(f"form#{form} [name=because]").fill(because)
    page.locator(f"form#{form}").get_by_role("button", name=button).click()
    if confirm:
        dialog = page.get_by_role("dialog", name="What you sign")
        expect(dialog).to_contain_text(because)
        dialog.get_by_role("button", name=confirm).click()
    said = page.locator(f"form#{form} .said")
    expect(said).to_contain_text(".", use_inner_text=True)
    expect(said).not_to_have_text("...")
    return said.inner_text()


@pytest.fixture(scope="module")
def decided(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, Page, str]]:
    """Fay's key is enrolled and in force; she approved request 1, denied request 2, paused, and went on."""
    root = tmp_path_factory.mktemp("decided")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", CLOCK)
        scene = found(root / "machine", CHARTER + ASKING, {"asks.py": ASKS})
        with (
            scene.here(),
            serving(application(scene.run)) as address,
            watched(chromium.new_context()) as page,
        ):
            yield scene, page, address


def test_a_person_enrols_and_decides_and_the_ledger_names_the_browsers_key(
    decided: tuple[Scene, Page, str],
) -> None:
    scene, page, address = decided
    code = new_code(scene.run, "fay", roles=["approver"]).text
    said = enrol(page, address, "fay", code)
    vkey = page.locator("#keys li").inner_text()
    assert VerifyKey.parse(vkey).name == "fay"  # the same form that `detent` reads
    assert vkey in said

    page.goto(f"{address}/runs/run/requests/1")
    assert "No key in this browser is one of this run's stewards" in press(page, "stop", "Pause", "too soon")
    assert "detent pause DIR --because 'too soon'" in page.locator("form#stop .said").inner_text()

    command = said.split("They sign with: ")[1].split("\n")[0]
    digest = command.split()[4]
    for name in ("ada", "cy"):
        words = ["charter", "sign", str(scene.run), digest, "--key", str(scene.root / "home" / f"{name}.pem")]
        signed = CliRunner().invoke(program, words)
        assert signed.exit_code == 0, signed.output
    assert [str(key) for key in charter_of(scene.run).stewards].count(vkey) == 1

    give = ["lease", str(scene.run), "--generations", "9", "--key", str(scene.root / "home" / "ada.pem")]
    assert CliRunner().invoke(program, give).exit_code == 0
    scene.turn(3)
    request = scene.state().request
    assert request is not None
    page.goto(f"{address}/runs/run/requests/{request.number}")
    said = press(page, "answer", "Approve", "looked at\nevery row", confirm="Sign as fay")
    assert "You say YES to request 1." in said
    assert "On the ledger" in said
    answered = scene.entries()[-1]
    assert isinstance(answered, Answered)
    assert (answered.verdict, answered.because, answered.signers) == (
        "approve",
        "looked at every row",
        ("fay",),
    )

    scene.turn()
    request = scene.state().request
    assert request is not None
    page.goto(f"{address}/runs/run/requests/{request.number}")
    assert "You say NO to request 2." in press(page, "answer", "Deny", "it isn't “better”")
    denied = scene.entries()[-1]
    assert isinstance(denied, Answered)
    assert (denied.verdict, denied.because, denied.signers) == ("deny", "it isn't “better”", ("fay",))

    assert "On the ledger" in press(page, "stop", "Pause", "lunch")
    assert "waits: signed by 1/2" in press(page, "stop", "Resume", "back again", confirm="Sign as fay")
    assert scene.verified().faults == []
    held = scene.state().hold
    assert held is not None
    assert held.by == "fay"
