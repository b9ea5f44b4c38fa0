"""A person decides in a real Chromium, with a key that never leaves it: enrolled, approved, denied, paused, halted."""

import base64
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright
from tests.attacks.attacks_world import ASKING, ASKS, CHARTER, CLOCK, Scene, found
from tests.cli.tiny_run import Machine, entries, wait_for, wait_for_work
from tests.web.deciding_world import serving
from typer.testing import CliRunner

from detent.assembly import EXIT_CODES, charter_of, new_code
from detent.charter import ANSWER_TYPE
from detent.cli.app import app as program
from detent.signing import VerifyKey, canonical, open_envelope
from detent.values import Answered, Ordered

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
    expect(dialog).to_contain_text(f"{name}+")
    expect(dialog.locator("pre")).to_contain_text('purpose = "')  # the whole, not its changes alone
    dialog.get_by_role("button", name=f"Sign as {name}").click()
    expect(page.locator("form#enrol .said")).to_contain_text("waits for the stewards in force")
    return page.locator("form#enrol .said").inner_text()


def go_to_request(page: Page, address: str, number: int) -> None:
    """Open the page of a request, as soon as the server has read that it waits."""
    deadline = time.monotonic() + 30
    where = f"{address}/runs/run/requests/{number}"
    while 'id="answer"' not in page.request.get(where).text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    page.goto(where)


def press(page: Page, form: str, button: str, because: str, *, confirm: str = "") -> str:
    """Write a reason, press, and perhaps confirm; returns what was said."""
    page.locator(f"form#{form} [name=because]").fill(because)
    page.locator(f"form#{form}").get_by_role("button", name=button).click()
    if confirm:
        dialog = page.get_by_role("dialog", name="What you sign")
        expect(dialog).to_contain_text(because)
        dialog.get_by_role("button", name=confirm).click()
    said = page.locator(f"form#{form} .said")
    expect(said).not_to_have_text("")
    expect(said).not_to_have_text("...", timeout=PATIENCE_MS)
    return said.inner_text()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A new run, whose tripwire asks about generations 2 and 3; this process is its machine."""
    monkeypatch.setenv("DETENT_CLOCK", CLOCK)
    made = found(tmp_path / "machine", CHARTER + ASKING, {"asks.py": ASKS})
    with made.here():
        yield made


@pytest.fixture
def address(scene: Scene) -> Iterator[str]:
    with serving(scene.run) as served:
        yield served


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a person's own browser profile, on whose console nothing may be written."""
    context = chromium.new_context()
    with watched(context) as opened:
        yield opened
    context.close()


def signed_by_all(scene: Scene, said: str) -> None:
    """Ada and cy sign the amendment, as the page told them to."""
    digest = said.split("They sign with: ")[1].split()[4]
    for name in ("ada", "cy"):
        words = ["charter", "sign", str(scene.run), digest, "--key", str(scene.root / "home" / f"{name}.pem")]
        signed = CliRunner().invoke(program, words)
        assert signed.exit_code == 0, signed.output


def lend(scene: Scene) -> None:
    """Ada grants a lease: with the amendment the one before has ended."""
    words = ["lease", str(scene.run), "--generations", "9", "--key", str(scene.root / "home" / "ada.pem")]
    assert CliRunner().invoke(program, words).exit_code == 0


def test_a_person_enrols_and_decides_and_the_ledger_names_the_browsers_key(
    scene: Scene, page: Page, address: str
) -> None:
    code = new_code(scene.run, "fay", roles=["approver"]).text
    said = enrol(page, address, "fay", code)
    vkey = page.locator("#keys li").inner_text()
    assert VerifyKey.parse(vkey).name == "fay"  # the same form that `detent` reads
    assert vkey in said

    page.goto(f"{address}/runs/run")
    assert "No key in this browser is one of this run's stewards" in press(page, "stop", "Pause", "too soon")
    assert "detent pause DIR --because 'too soon'" in page.locator("form#stop .said").inner_text()

    signed_by_all(scene, said)
    assert [str(key) for key in charter_of(scene.run).stewards].count(vkey) == 1

    lend(scene)
    scene.turn(3)
    request = scene.state().request
    assert request is not None
    go_to_request(page, address, request.number)
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

    scene.turn(2)
    request = scene.state().request
    assert request is not None
    go_to_request(page, address, request.number)
    assert "You say NO to request 2." in press(page, "answer", "Deny", "it isn't “better”")
    denied = scene.entries()[-1]
    assert isinstance(denied, Answered)
    assert (denied.verdict, denied.because, denied.signers) == ("deny", "it isn't “better”", ("fay",))

    assert "On the ledger" in press(page, "stop", "Pause", "lunch")
    page.goto(f"{address}/runs/run/sign")
    assert "waits: signed by 1/2" in press(page, "resume", "Resume", "back again", confirm="Sign as fay")
    assert scene.verified().faults == []
    held = scene.state().hold
    assert held is not None
    assert held.by == "fay"


IN_PAGE = (
    "async (name) => { const keys = await import('/static/keys.js'); const key = await keys.keyFor(name); "
)


def test_the_private_half_cannot_be_exported_and_survives_a_reload(page: Page, address: str) -> None:
    page.goto(f"{address}/runs/run/enrol")
    vkey = page.evaluate(IN_PAGE + "return key.vkey; }", "fay")
    page.reload()
    assert page.locator("#keys li").inner_text() == vkey
    for form in ("raw", "pkcs8", "jwk"):
        export = f"crypto.subtle.exportKey('{form}', key.private)"
        tried = f"return {export}.then(() => 'exported', (error) => error.name); }}"
        assert page.evaluate(IN_PAGE + tried, "fay") == "InvalidAccessError"
    assert page.evaluate(IN_PAGE + "return [key.private.extractable, ...key.private.usages]; }", "fay") == [
        False,
        "sign",
    ]
    again = page.evaluate(
        IN_PAGE + "return await keys.envelope(key, 'text/plain', new Uint8Array([104, 105])); }", "fay"
    )
    assert open_envelope(again, "text/plain", [VerifyKey.parse(vkey)], 1) == b"hi"
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def test_another_profile_has_no_key(chromium: Browser, page: Page, address: str) -> None:
    page.goto(f"{address}/runs/run/enrol")
    page.evaluate(IN_PAGE + "return key.vkey; }", "fay")
    context = chromium.new_context()
    with watched(context) as other:
        other.goto(f"{address}/runs/run/enrol")
        expect(other.locator("#keys li")).to_have_text("none")
    context.close()


def test_a_browser_without_ed25519_says_what_to_type_instead(page: Page, address: str) -> None:
    page.add_init_script(
        "const make = crypto.subtle.generateKey; crypto.subtle.generateKey = function (kind, ...rest) {"
        " if (kind.name === 'Ed25519') throw new Error('NotSupportedError'); return make.call(this, kind, ...rest); }"
    )
    page.goto(f"{address}/runs/run")
    said = press(page, "stop", "Halt", "it's smoke")
    assert "no Ed25519 in WebCrypto" in said
    assert "detent halt DIR --because 'it'\\''s smoke'" in said
    page.goto(f"{address}/runs/run/enrol")
    expect(page.locator("form#enrol .said")).to_contain_text("detent key new NAME")
    expect(page.get_by_role("button", name="Make a key")).to_be_disabled()


def test_without_a_reason_nothing_is_sent(page: Page, address: str) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(f"{address}/runs/run")
    page.locator("form#stop [name=because]").fill("   ")
    page.locator("form#stop").get_by_role("button", name="Halt").click()
    expect(page.locator("form#stop .said")).to_have_text("A reason is needed: it stands on the ledger.")
    assert "POST" not in sent


LIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a no is a yes": lambda draft: with_payload(draft, verdict="approve"),
    "another request is answered": lambda draft: with_payload(draft, request=2),
    "the reason is another": lambda draft: with_payload(draft, because="it is fine"),
    "a field that the page does not know": lambda draft: with_payload(draft, also="a lease"),
    "a lease under the button of an answer": lambda draft: (
        draft | {"payload_type": "application/vnd.detent.lease.v1+json"}
    ),
    "another payload than its digest": lambda draft: draft | {"digest": "0" * 64},
}
"""What a server may send in the place of what was pressed: deny request 1, because it looks wrong."""


def with_payload(draft: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The draft of another payload, with the digests that belong to it."""
    said = json.loads(base64.b64decode(draft["payload"])) | fields
    payload, kind = canonical(said), draft["payload_type"]
    encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    return draft | {
        "payload": base64.b64encode(payload).decode(),
        "digest": hashlib.sha256(payload).hexdigest(),
        "pae_sha256": hashlib.sha256(encoded).hexdigest(),
    }


def test_the_page_signs_nothing_but_what_was_pressed_and_typed(
    scene: Scene, page: Page, address: str
) -> None:
    signed_by_all(scene, enrol(page, address, "fay", new_code(scene.run, "fay", roles=["approver"]).text))
    lend(scene)
    scene.turn(3)
    stewards = [str(key) for key in charter_of(scene.run).stewards]
    question = {"request": 1, "candidate": "", "root": "0" * 64, "expires": "2026-02-07T12:00:00Z"}
    answer = {"charter": "0" * 64, "verdict": "deny", "because": "it looks wrong", **question}
    honest = with_payload(
        {
            "payload": base64.b64encode(canonical(answer)).decode(),
            "payload_type": ANSWER_TYPE,
            "says": ["whatever it says"],
            "stewards": stewards,
            "in_force": None,
        }
    )
    sent: list[Any] = []
    told: dict[str, Any] = {}
    page.route("**/drafts", lambda route: route.fulfill(json=told["draft"]))

    def handed(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(json=BECAME)

    page.route("**/envelopes", handed)
    for lie, twist in LIES.items():
        told["draft"] = twist(honest)
        go_to_request(page, address, 1)
        said = press(page, "answer", "Deny", "it looks wrong")
        assert "expected" in said, lie
        assert sent == [], lie
    told["draft"] = honest
    go_to_request(page, address, 1)
    assert "You say NO to request 1." in press(page, "answer", "Deny", "it looks wrong")
    assert len(sent) == 1


BECAME = {"became": "on the ledger", "digest": "0" * 64, "entry": "answer/v1", "at": CLOCK, "why": ""}


def test_what_somebody_wrote_is_shown_as_text_and_turns_nothing_around(page: Page, address: str) -> None:
    page.goto(f"{address}/runs/run/enrol")
    because = "<img src=x onerror=alert(1)> \u202eesrever\u202c \u0000"
    order = {
        "because": because,
        "charter": "0" * 64,
        "order": "halt",
        "root": "0" * 64,
        "size": 3,
        "to": None,
    }
    lines = page.evaluate(
        "async (text) => (await import('/static/words.js')).words("
        "'application/vnd.detent.order.v1+json', new TextEncoder().encode(text))",
        json.dumps(order),
    )
    assert "Because: <img src=x onerror=alert(1)> \\u{202e}esrever\\u{202c} \\u{0}" in lines
    shown = page.evaluate(
        "async (lines) => { const {confirmed} = await import('/static/deciding.js');"
        " confirmed(lines, '', {name: 'fay', vkey: ''}); return document.querySelectorAll('dialog img').length; }",
        lines,
    )
    assert shown == 0


def test_what_waits_is_read_and_signed_by_a_second_person(scene: Scene, page: Page, address: str) -> None:
    signed_by_all(scene, enrol(page, address, "fay", new_code(scene.run, "fay").text))
    halt = ["halt", str(scene.run), "--because", "smoke", "--key", str(scene.root / "home" / "cy.pem")]
    lift = ["resume", str(scene.run), "--because", "steam", "--key", str(scene.root / "home" / "ada.pem")]
    for words in (halt, lift):
        assert CliRunner().invoke(program, words).exit_code == 0
    page.goto(f"{address}/runs/run/sign")
    expect(page.locator("#waiting > li")).to_contain_text("an order, SHA-256")
    expect(page.locator("#waiting > li")).to_contain_text("signed by ada")
    page.get_by_role("button", name="Read and sign").click()
    dialog = page.get_by_role("dialog", name="What you sign")
    expect(dialog).to_contain_text("LIFT THE HALT: a halted run goes on.")
    dialog.get_by_role("button", name="Sign as fay").click()
    expect(page.locator("#waiting .said")).to_contain_text("On the ledger")
    ordered = scene.entries()[-1]
    assert isinstance(ordered, Ordered)
    assert (ordered.order, ordered.signers) == ("lift", ("ada", "fay"))


def test_a_person_who_signs_nothing_has_signed_nothing(scene: Scene, page: Page, address: str) -> None:
    signed_by_all(scene, enrol(page, address, "fay", new_code(scene.run, "fay").text))
    pause = ["pause", str(scene.run), "--because", "lunch", "--key", str(scene.root / "home" / "cy.pem")]
    assert CliRunner().invoke(program, pause).exit_code == 0
    before = len(scene.entries())
    page.goto(f"{address}/runs/run/sign")
    assert press(page, "resume", "Resume", "go on", confirm="Sign nothing") == "Nothing was signed."
    assert len(scene.entries()) == before
    assert list(scene.folder.inbox.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whoever_cannot_see_or_has_a_phone_can_enrol_and_sign(
    scheme: Literal["light", "dark"], scene: Scene, chromium: Browser, address: str
) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    with watched(context) as page:
        for where in ("enrol", "sign"):
            page.goto(f"{address}/runs/run/{where}")
            expect(page.locator("main form button").first).to_be_enabled()
            assert serious(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.goto(f"{address}/runs/run/enrol")
        page.get_by_label("Your name as a steward").fill("fay")
        page.get_by_label("The code").fill(new_code(scene.run, "fay", roles=["approver"]).text)
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="What you sign")
        expect(dialog.get_by_role("button", name="Sign nothing")).to_be_focused()
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.keyboard.press("Escape")
        expect(page.locator("form#enrol .said")).to_have_text("Nothing was signed; the code still counts.")
        assert list(scene.folder.inbox.glob("*")) == []
    context.close()


def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody from using the page."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_a_lease_is_granted_and_a_rollback_asked_for_in_the_browser(
    scene: Scene, page: Page, address: str
) -> None:
    roles = ["operator"]
    signed_by_all(scene, enrol(page, address, "fay", new_code(scene.run, "fay", roles=roles).text))
    page.goto(f"{address}/runs/run/sign")
    page.get_by_label("Generations").fill("2")
    page.get_by_role("button", name="Grant").click()
    dialog = page.get_by_role("dialog", name="What you sign")
    expect(dialog).to_contain_text("You grant lease 2: 2 generations, until 2026-02-01T12:00:00Z.")
    dialog.get_by_role("button", name="Sign as fay").click()
    expect(page.locator("form#lease .said")).to_contain_text("On the ledger")
    scene.turn(2)
    page.get_by_label("To generation").fill("0")
    assert "waits: signed by 1/2" in press(page, "rollback", "Roll back", "worse", confirm="Sign as fay")
    (waiting,) = scene.folder.inbox.iterdir()
    words = ["charter", "sign", str(scene.run), waiting.stem, "--key", str(scene.root / "home" / "cy.pem")]
    assert CliRunner().invoke(program, words).exit_code == 0
    ordered = next(entry for entry in reversed(scene.entries()) if isinstance(entry, Ordered))
    assert (ordered.order, ordered.to, ordered.signers) == ("rollback", 0, ("cy", "fay"))
    assert scene.verified().faults == []


def test_a_run_in_training_is_paused_and_halted_at_once_from_the_browser(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path / "machine")
    machine.found()
    monkeypatch.setenv("DETENT_CLOCK", CLOCK)
    monkeypatch.setenv("DETENT_DATA", str(machine.data))
    with serving(machine.run) as address:
        code = machine.detent("key", "enrol", machine.run, "--steward", "fay")
        assert code.returncode == 0, code.stderr
        said = enrol(page, address, "fay", code.stdout.strip())
        digest = said.split("They sign with: ")[1].split()[4]
        assert machine.detent("charter", "sign", machine.run, digest).returncode == 0
        assert machine.detent("lease", machine.run, "--generations", "1").returncode == 0
        process = machine.start("run", machine.run)
        try:
            wait_for("session/v1", machine.run, process)
            wait_for_work(process)  # the first team is being trained
            page.goto(f"{address}/runs/run")
            assert "Signed by fay: PAUSE" in press(page, "stop", "Pause", "wait")
            assert process.poll() is None
            began = time.monotonic()
            said = press(page, "stop", "Halt", "smoke")
            took = time.monotonic() - began
            assert "HALT: the run stops at once" in said
            assert "On the ledger" in said
            process.communicate(timeout=30)
        finally:
            process.kill()
            process.communicate()
    orders = [entry for entry in entries(machine.run) if isinstance(entry, Ordered)]
    assert [(entry.order, entry.signers) for entry in orders][-1] == ("halt", ("fay",))
    assert process.returncode == EXIT_CODES["halted"]
    assert took < 15
    verified = machine.detent("verify", machine.run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
