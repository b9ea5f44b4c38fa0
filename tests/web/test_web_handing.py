"""Drafts go out to the byte, envelopes come in, and only signatures count; no key is ever on the server."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from tests.attacks.attacks_world import ADA, BOB, CLOCK, CY, EVE, Scene
from tests.web.deciding_world import asked, program_for

from detent.assembly import draft_enrolment, give_answer, give_order, grant_lease, hand_in, new_code
from detent.charter import Question, answer
from detent.signing import SigningKey, peek_envelope, seal_envelope
from detent.values import Answered, CharterSigned, Entry, LeaseGranted, Ordered
from detent.web import handing
from detent.web.house import House

FAY = SigningKey.from_seed("fay", b"fay in her browser".ljust(32))


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A run that asks; nobody changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", CLOCK)
        return asked(tmp_path_factory.mktemp("asking"))


@pytest.fixture
def scene(asking: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("DETENT_CLOCK", CLOCK)
    copy = asking.copy(tmp_path / "machine")
    with copy.here():
        yield copy


@pytest.fixture
def browser(scene: Scene) -> TestClient:
    house = House([scene.run])
    house.look()
    return program_for(house)


def draft(browser: TestClient, **wanted: Any) -> dict[str, Any]:
    got = browser.post("/api/v1/runs/run/drafts", json=wanted)
    assert got.status_code == 200, got.text
    found: dict[str, Any] = got.json()
    return found


def hand(browser: TestClient, envelope: str) -> Response:
    return browser.post("/api/v1/runs/run/envelopes", json={"envelope": envelope})


def signed(drafted: dict[str, Any], *keys: SigningKey) -> str:
    """The envelope, as whoever has the keys makes it elsewhere."""
    return seal_envelope(base64.b64decode(drafted["payload"]), drafted["payload_type"], keys)


class Same(NamedTuple):
    """What is wanted in the browser, and the command that does the same. kind: the entry that it becomes."""

    wanted: dict[str, Any]
    command: Callable[[Scene], object]
    kind: type[Entry]


SAME = {
    "approve": Same(
        {"kind": "approve", "request": 1, "because": "looked at it"},
        lambda scene: give_answer(scene.run, 1, "approve", "looked at it", keys=[BOB]),
        Answered,
    ),
    "deny": Same(
        {"kind": "deny", "request": 1, "because": "no, “never”"},
        lambda scene: give_answer(scene.run, 1, "deny", "no, “never”", keys=[BOB]),
        Answered,
    ),
    "pause": Same(
        {"kind": "pause", "because": "a look"},
        lambda scene: give_order(scene.run, "pause", "a look", keys=[BOB]),
        Ordered,
    ),
    "halt": Same(
        {"kind": "halt", "because": "smoke"},
        lambda scene: give_order(scene.run, "halt", "smoke", keys=[BOB]),
        Ordered,
    ),
    "lease": Same(
        {"kind": "lease", "generations": 3, "hours": 2.0},
        lambda scene: grant_lease(scene.run, 3, hours=2.0, keys=[ADA]),
        LeaseGranted,
    ),
    "rollback": Same(
        {"kind": "rollback", "to": 0, "because": "worse"},
        lambda scene: give_order(scene.run, "rollback", "worse", to=0, keys=[ADA, BOB]),
        Ordered,
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_browser_signs_the_very_bytes_that_the_command_line_signs(
    name: str, scene: Scene, browser: TestClient
) -> None:
    wanted, command, kind = SAME[name]
    drafted = draft(browser, **wanted)
    command(scene)
    (entry,) = [entry for entry in scene.entries() if isinstance(entry, kind)][-1:]
    assert peek_envelope(entry.envelope, drafted["payload_type"]) == base64.b64decode(drafted["payload"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SAME)
def test_an_envelope_that_was_signed_elsewhere_stands_on_the_ledger(
    name: str, scene: Scene, browser: TestClient
) -> None:
    wanted, _, kind = SAME[name]
    got = hand(browser, signed(draft(browser, **wanted), ADA, BOB))
    assert got.status_code == 200, got.text
    assert got.json()["became"] == "on the ledger"
    assert [entry for entry in scene.entries() if entry.kind == got.json()["entry"]][-1:][0].at == got.json()[
        "at"
    ]
    assert any(isinstance(entry, kind) for entry in scene.entries())
    assert scene.verified().faults == []


def test_a_draft_says_what_it_holds_its_digests_and_whose_signatures_count(browser: TestClient) -> None:
    drafted = draft(browser, kind="halt", because="smoke")
    payload, kind = base64.b64decode(drafted["payload"]), drafted["payload_type"]
    assert json.loads(payload)["because"] == "smoke"
    assert any("smoke" in line for line in drafted["says"])
    assert drafted["digest"] == hashlib.sha256(payload).hexdigest()
    encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    assert drafted["pae_sha256"] == hashlib.sha256(encoded).hexdigest()
    assert drafted["stewards"] == [str(key.verify_key) for key in (ADA, BOB, CY)]
    assert drafted["in_force"] is None


def test_to_resume_a_halted_run_is_to_lift_the_halt_and_waits_for_a_second_signature(
    scene: Scene, browser: TestClient
) -> None:
    hand(browser, signed(draft(browser, kind="halt", because="smoke"), CY))
    drafted = draft(browser, kind="resume", because="it was steam")
    assert json.loads(base64.b64decode(drafted["payload"]))["order"] == "lift"
    first = hand(browser, signed(drafted, ADA))
    assert (first.status_code, first.json()["became"]) == (202, "waits")
    assert "signed by 1/2 stewards; a valid signature is missing from bob, cy" in first.json()["why"]
    (waiting,) = browser.get("/api/v1/runs/run/waiting").json()
    assert waiting["signers"] == ["ada"]
    again = draft(browser, kind="countersign", digest=waiting["digest"][:12])
    assert again["payload"] == drafted["payload"]
    assert hand(browser, signed(again, BOB)).json()["became"] == "on the ledger"
    assert scene.state().hold is None
    assert browser.get("/api/v1/runs/run/waiting").json() == []


class Refusal(NamedTuple):
    """What somebody sends as an envelope, and why it is refused."""

    envelope: Callable[[Scene, TestClient], str]
    why: str


def other_question(scene: Scene, _: TestClient) -> str:
    question = Question(request=1, candidate="0" * 64, root="0" * 64, expires="2026-02-07T12:00:00Z")
    return answer(scene.signed, question, "approve", "another model", [BOB])


def used(_: Scene, browser: TestClient) -> str:
    envelope = signed(draft(browser, kind="pause", because="once"), BOB)
    hand(browser, envelope)
    return envelope


def altered(_: Scene, browser: TestClient) -> str:
    envelope = json.loads(signed(draft(browser, kind="deny", request=1, because="no"), BOB))
    payload = json.loads(base64.b64decode(envelope["payload"])) | {"verdict": "approve"}
    envelope["payload"] = base64.b64encode(
        json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
    ).decode()
    return json.dumps(envelope)


REFUSED = {
    "a stranger halts": Refusal(
        lambda _, browser: signed(draft(browser, kind="halt", because="mine"), EVE),
        "a valid signature is missing",
    ),
    "nobody signed": Refusal(
        lambda _, browser: json.dumps(
            {
                "payload": draft(browser, kind="halt", because="x")["payload"],
                "payloadType": draft(browser, kind="halt", because="x")["payload_type"],
                "signatures": [],
            }
        ),
        "a valid signature is missing",
    ),
    "a no was turned into a yes": Refusal(altered, "a valid signature is missing"),
    "an answer to another question": Refusal(other_question, "it answers another question"),
    "the same once more": Refusal(used, "which stands on the ledger already"),
    "what no run knows": Refusal(
        lambda *_: seal_envelope(b"{}", "text/plain", [BOB]), "a lease, an order, an answer or an amendment"
    ),
    "somebody approves who is no approver": Refusal(
        lambda _, browser: signed(draft(browser, kind="approve", request=1, because="yes"), ADA),
        "0/1 approvers",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_the_reason_and_nothing_is_written_when(
    name: str, scene: Scene, browser: TestClient
) -> None:
    envelope = REFUSED[name].envelope(scene, browser)
    before = len(scene.entries())
    got = hand(browser, envelope)
    assert (got.status_code, got.json()["became"]) == (409, "refused")
    assert REFUSED[name].why in got.json()["why"]
    assert len(scene.entries()) == before


class Wrong(NamedTuple):
    """What is sent, and the status and words of the answer."""

    send: Callable[[TestClient], Any]
    status: int
    said: str


ORDER = {"kind": "halt", "because": "smoke"}

WRONG = {
    "a form of another site sends text": Wrong(
        lambda browser: browser.post(
            "/api/v1/runs/run/drafts", content=json.dumps(ORDER), headers={"Content-Type": "text/plain"}
        ),
        400,
        "Content-Type application/json expected, got 'text/plain'",
    ),
    "a form sends fields": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/drafts", data=ORDER), 400, "application/json expected"
    ),
    "the body is too large": Wrong(
        lambda browser: browser.post(
            "/api/v1/runs/run/envelopes", json={"envelope": "x" * handing.LARGEST_BODY}
        ),
        400,
        "a body of at most 131072 bytes",
    ),
    "the body has no length": Wrong(
        lambda browser: browser.post(
            "/api/v1/runs/run/drafts",
            content=iter([json.dumps(ORDER).encode()]),
            headers={"Content-Type": "application/json"},
        ),
        400,
        "with its Content-Length, expected",
    ),
    "no JSON": Wrong(
        lambda browser: browser.post(
            "/api/v1/runs/run/drafts", content="{", headers={"Content-Type": "application/json"}
        ),
        422,
        "expected",
    ),
    "a field that is none": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/drafts", json=ORDER | {"key": "secret"}), 422, "key: "
    ),
    "a kind that is none": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/drafts", json={"kind": "promote", "because": "x"}),
        422,
        "kind: ",
    ),
    "no reason": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/drafts", json={"kind": "halt"}),
        400,
        "a value of because that an order takes expected, got ''",
    ),
    "a reason of two lines": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/drafts", json={"kind": "halt", "because": "a\nb"}),
        400,
        "a value of because",
    ),
    "a request that nobody made": Wrong(
        lambda browser: browser.post(
            "/api/v1/runs/run/drafts", json={"kind": "approve", "request": 7, "because": "x"}
        ),
        400,
        "a request that waits for an answer expected, got 7; waiting: request 1",
    ),
    "an answer to no request": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/drafts", json={"kind": "approve", "because": "x"}),
        400,
        "a number as request expected",
    ),
    "a run goes on that is not held": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/drafts", json={"kind": "resume", "because": "x"}),
        400,
        "see: detent status DIR",
    ),
    "a lease larger than the charter allows": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/drafts", json={"kind": "lease", "generations": 99}),
        409,
        "a lease of 1 to 9 generations expected, as pace.lease.generations says, got 99",
    ),
    "what does not wait is countersigned": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/drafts", json={"kind": "countersign", "digest": "ab"}),
        400,
        "one file in DIR/inbox",
    ),
    "a run that is not served": Wrong(
        lambda browser: browser.post("/api/v1/runs/other/drafts", json=ORDER),
        404,
        "the name of a run expected",
    ),
    "a run by a path": Wrong(
        lambda browser: browser.post("/api/v1/runs/..%2Frun/drafts", json=ORDER), 404, ""
    ),
    "an envelope that is none": Wrong(
        lambda browser: browser.post("/api/v1/runs/run/envelopes", json={"envelope": "[1]"}),
        409,
        "a DSSE envelope expected",
    ),
    "a verify key that is none": Wrong(
        lambda browser: browser.post(
            "/api/v1/runs/run/enrolments/draft", json={"code": "A" * 32, "key": "fay+00+AA"}
        ),
        400,
        "a verify key as `name+hash+base64` expected",
    ),
    "a code that is none": Wrong(
        lambda browser: browser.post(
            "/api/v1/runs/run/enrolments/draft", json={"code": "A" * 32, "key": str(FAY.verify_key)}
        ),
        409,
        "a code that `detent key enrol` made here",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_said_what_was_expected_when(name: str, scene: Scene, browser: TestClient) -> None:
    got = WRONG[name].send(browser)
    assert got.status_code == WRONG[name].status, got.text
    assert WRONG[name].said in got.text.replace('\\"', '"')
    assert str(scene.root) not in got.text
    assert len(scene.entries()) == len(scene.record())


def test_a_page_elsewhere_and_who_has_not_the_pages_token_decide_nothing(
    scene: Scene, browser: TestClient
) -> None:
    envelope = signed(draft(browser, kind="halt", because="smoke"), BOB)
    before = len(scene.entries())
    sent = {"envelope": envelope}
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"X-Detent-Token": "another"},
        {"X-Detent-Token": ""},
    ):
        assert browser.post("/api/v1/runs/run/envelopes", json=sent, headers=headers).status_code == 403
    assert len(scene.entries()) == before
    assert hand(browser, envelope).json()["became"] == "on the ledger"


def test_a_fault_has_its_three_parts(browser: TestClient) -> None:
    fault = browser.post("/api/v1/runs/run/drafts", json={"kind": "lease", "generations": 99}).json()["error"]
    assert fault["kind"] == "CharterError"
    assert fault["expected"] == "a lease of 1 to 9 generations, as pace.lease.generations says"
    assert fault["got"] == "99"
    assert fault["do"] == "grant less, and again when it is spent"


def test_no_endpoint_takes_a_private_key_and_none_is_in_what_it_gives(
    scene: Scene, browser: TestClient
) -> None:
    described = json.dumps(browser.get("/api/v1/openapi.json").json())
    assert "private" not in described.lower()
    assert "seed" not in described.lower()
    drafted = json.dumps(draft(browser, kind="halt", because="smoke"))
    for key in (ADA, BOB, CY):
        secret = key.private.private_bytes_raw()
        assert base64.b64encode(secret).decode() not in drafted
        assert secret.hex() not in drafted
    assert str(scene.root) not in drafted


def test_a_code_enrols_a_key_over_http_and_the_old_quorum_puts_it_in_force(
    scene: Scene, browser: TestClient
) -> None:
    code = new_code(scene.run, "fay", roles=["approver"]).text
    newcomer = {"code": code.lower().replace("-", " "), "key": str(FAY.verify_key)}  # as somebody types it
    drafted = browser.post("/api/v1/runs/run/enrolments/draft", json=newcomer).json()
    assert drafted["in_force"] == scene.signed.text
    got = browser.post("/api/v1/runs/run/enrolments", json=newcomer | {"envelope": signed(drafted, FAY)})
    assert got.status_code == 201, got.text
    assert got.json()["next"] == f"detent charter sign DIR {drafted['digest'][:12]} --key FILE"
    (waiting,) = browser.get("/api/v1/runs/run/waiting").json()
    assert (waiting["digest"], waiting["signers"]) == (drafted["digest"], [])
    for key in (ADA, CY):
        again = draft(browser, kind="countersign", digest=drafted["digest"])
        got = hand(browser, signed(again, key))
    assert got.json()["entry"] == CharterSigned(version=2, digest="", envelope="").kind
    paused = hand(browser, signed(draft(browser, kind="pause", because="mine"), FAY))
    assert paused.json()["became"] == "on the ledger"


def test_after_ten_wrong_codes_in_a_minute_not_even_the_right_one_counts_for_a_while(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [0.0]
    monkeypatch.setattr(handing.Guesses.__init__, "__defaults__", (lambda: at[0],))
    browser = program_for(House([scene.run]))
    code = new_code(scene.run, "fay").text

    def tried(code: str) -> Response:
        newcomer = {"code": code, "key": str(FAY.verify_key)}
        return browser.post("/api/v1/runs/run/enrolments/draft", json=newcomer)

    for number in range(handing.MOST_WRONG_CODES):
        assert "a code that" in tried(f"{number:032}").text
    assert "at most 10 wrong codes a minute expected" in tried(code).text
    at[0] = 61.0
    assert tried(code).status_code == 200


def test_drafting_uses_no_code_up_and_opens_no_ledger_for_writing(scene: Scene, browser: TestClient) -> None:
    before = {path: path.stat().st_mtime_ns for path in scene.run.rglob("*")}
    code = new_code(scene.run, "fay").text
    for _ in range(2):
        assert draft_enrolment(scene.run, code, FAY.verify_key).payload
    draft(browser, kind="halt", because="smoke")
    assert {path: path.stat().st_mtime_ns for path in scene.run.rglob("*")} == before


def test_what_was_signed_in_the_browser_may_be_handed_in_by_anybody(
    scene: Scene, browser: TestClient
) -> None:
    envelope = signed(draft(browser, kind="pause", because="carried on a stick"), BOB)
    assert hand_in(scene.run, envelope).entry is not None
