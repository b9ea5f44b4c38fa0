"""What does not pass the guard: a table of attacks, and what is let through beside each."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.web.made_run import Made

from detent.web.app import create_app
from detent.web.guarding import POLICY
from detent.web.house import House
from detent.web.limiting import MOST_CLIENTS, Buckets, Seats
from detent.web.settings import LOCAL, Limits, Settings, digest_of

TOKEN = "detent-read-of-a-test"  # noqa: S105  of a test
LOCALLY = "http://127.0.0.1"
NAMED = "https://detent.example.com"
Ask = dict[str, Any]


def settings(**changes: Any) -> Settings:
    named: Ask = {"host": "10.0.0.1", "port": 443, "names": frozenset({"detent.example.com"})}
    return Settings(**named | {"readers": (digest_of(TOKEN), digest_of("another"))} | changes)


@pytest.fixture
def named(house: House, tmp_path: Any) -> Iterator[TestClient]:
    """A server that other machines reach."""
    app = create_app(house, settings(tls=(tmp_path / "cert", tmp_path / "key")))
    with TestClient(app, base_url=NAMED, follow_redirects=False) as found:
        yield found


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def local(house: House, lines: list[str]) -> Iterator[TestClient]:
    app = create_app(house, Settings.local(), lines.append)

    @app.post("/changes")
    def changes() -> dict[str, bool]:
        return {"changed": True}

    @app.get("/breaks")
    def breaks() -> None:
        raise RuntimeError("a fault\nof this program")

    with TestClient(app, base_url=LOCALLY, follow_redirects=False) as found:
        yield found


ELSEWHERE: dict[str, tuple[int, Ask]] = {
    "a name that leads here by somebody else's DNS": (421, {"headers": {"Host": "evil.example"}}),
    "the right name as a part of another": (421, {"headers": {"Host": "127.0.0.1.evil.example"}}),
    "the right name before an @": (421, {"headers": {"Host": "127.0.0.1@evil.example"}}),
    "an empty name": (421, {"headers": {"Host": ""}}),
    "a name with a line's end in it": (421, {"headers": {"Host": "127.0.0.1\tevil"}}),
    "a port that is none": (421, {"headers": {"Host": "127.0.0.1:port"}}),
    "an address that has no end": (414, {"url": "/" + "a" * 3000}),
    "a query that has no end": (414, {"url": "/?" + "a" * 3000}),
    "a body that is too large": (413, {"method": "POST", "content": b"a" * 300_000}),
    "a body of negative length": (413, {"method": "POST", "headers": {"Content-Length": "-1"}}),
    "a change without this session's token": (403, {"method": "POST", "url": "/changes"}),
    "a change with a token that is none": (
        403,
        {"method": "POST", "url": "/changes", "headers": {"X-Detent-Token": "0" * 64}},
    ),
    "a change from another site's page, by its origin": (
        403,
        {"method": "POST", "url": "/changes", "headers": {"Origin": "https://evil.example"}},
    ),
    "a change from a page of another port": (
        403,
        {"method": "POST", "url": "/changes", "headers": {"Origin": "http://127.0.0.1:8000"}},
    ),
    "a change from a sandboxed page": (
        403,
        {"method": "POST", "url": "/changes", "headers": {"Origin": "null"}},
    ),
    "a change from another site's page, by what the browser says": (
        403,
        {"method": "POST", "url": "/changes", "headers": {"Sec-Fetch-Site": "cross-site"}},
    ),
    "a change from a neighbour of this name": (
        403,
        {"method": "POST", "url": "/changes", "headers": {"Sec-Fetch-Site": "same-site"}},
    ),
    "a method that nobody knows": (403, {"method": "BREW", "url": "/api/v1/runs"}),
}


@pytest.mark.parametrize("attack", ELSEWHERE)
def test_what_may_not_pass_is_refused_with_a_reason(attack: str, local: TestClient) -> None:
    status, ask = ELSEWHERE[attack]
    token = local.get("/api/v1/token").json()["token"]
    asked: Ask = {"method": "GET", "url": "/api/v1/runs", "headers": {}, **ask}
    headers = dict(asked.pop("headers"))
    if attack.startswith("a change from"):  # the right token does not help
        headers["X-Detent-Token"] = token
    answer = local.request(**asked, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["expected"]


PATHS = {
    "dots": "/runs/../../etc/passwd",
    "dots that are escaped": "/api/v1/runs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "dots in a run's place": "/api/v1/runs/..",
    "a folder's path for a run": "/api/v1/runs/%2Ftmp",
    "a zero byte": "/api/v1/runs/demo%00",
    "a file of the run": "/api/v1/runs/demo/charter.toml",
    "its keys": "/runs/demo/../data/keys/steward.pem",
}


@pytest.mark.parametrize("path", PATHS)
def test_no_name_leads_out_of_the_runs_that_are_served(path: str, local: TestClient) -> None:
    answer = local.get(PATHS[path])
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_a_change_from_this_servers_own_page_passes(local: TestClient) -> None:
    token = local.get("/api/v1/token").json()["token"]
    headers = {"X-Detent-Token": token, "Origin": LOCALLY, "Sec-Fetch-Site": "same-origin"}
    assert local.post("/changes", headers=headers).json() == {"changed": True}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8734", "localhost:8734", "LOCALHOST", "[::1]:8734"])
def test_its_own_names_are_answered(host: str, local: TestClient) -> None:
    assert local.get("/api/v1/runs", headers={"Host": host}).status_code == 200


EVERYWHERE = {
    "an answer": "/api/v1/runs",
    "a page": "/login",
    "an error": "/nowhere",
    "a fault of the program": "/breaks",
    "figures": "/metrics",
}


@pytest.mark.parametrize("answer", EVERYWHERE)
def test_every_answer_says_what_a_browser_may_do_with_it(answer: str, local: TestClient) -> None:
    headers = local.get(EVERYWHERE[answer]).headers
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_a_fault_of_the_program_is_told_to_who_runs_it_and_not_to_who_asked(
    local: TestClient, lines: list[str]
) -> None:
    answer = local.get("/breaks")
    assert answer.status_code == 500
    assert "RuntimeError" not in answer.text
    assert "RuntimeError" in lines[0]
    assert "\n" not in lines[0]


def test_a_line_of_the_log_is_one_line_and_holds_no_query_and_no_token(
    local: TestClient, lines: list[str]
) -> None:
    local.get("/no%0d%0awhere%1b[31m?token=detent-read-secret", headers={"Authorization": f"Bearer {TOKEN}"})
    (line,) = lines
    assert line.isprintable()
    assert "GET /no where\\x1b[31m 404" in line
    assert "secret" not in line
    assert TOKEN not in line


def test_an_address_in_an_error_is_text(local: TestClient) -> None:
    answer = local.get("/runs/<script>alert(1)</script>/events", headers={"Accept": "text/html"})
    assert answer.status_code in (400, 404)
    assert "<script>" not in answer.text


UNKNOWN: dict[str, dict[str, str]] = {
    "nothing": {},
    "another token": {"Authorization": "Bearer detent-read-of-nobody"},
    "no token": {"Authorization": "Bearer "},
    "the digest in a token's place": {"Authorization": f"Bearer {digest_of(TOKEN).hex()}"},
    "the token as a password": {"Authorization": f"Basic {TOKEN}"},
    "a cookie that nobody was given": {"Cookie": "__Host-detent=abc"},
    "the token in a cookie": {"Cookie": f"__Host-detent={TOKEN}"},
    "a cookie that is none": {"Cookie": "=;;=\\"},
    "a claim to come from this machine": {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
}


@pytest.mark.parametrize("attempt", UNKNOWN)
@pytest.mark.parametrize(
    "path", ["/", "/api/v1/runs", "/metrics", "/events", "/runs/demo", "/api/v1/openapi.json"]
)
def test_who_is_not_known_reads_nothing(attempt: str, path: str, named: TestClient) -> None:
    answer = named.get(path, headers=UNKNOWN[attempt])
    assert answer.status_code == 401
    assert "digits" not in answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_lets_a_program_read(named: TestClient) -> None:
    answer = named.get("/api/v1/runs", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.json()[0]["name"] == "demo"


def test_a_token_lets_a_browser_in_and_out_again(named: TestClient) -> None:
    led = named.get("/runs/demo", headers={"Accept": "text/html"})
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=/runs/demo")
    asked = named.get(led.headers["location"])
    assert 'value="/runs/demo"' in asked.text
    wrong = named.post("/login", data={"token": "guess", "next": "/"}, headers={"Origin": NAMED})
    assert wrong.status_code == 403
    right = named.post("/login", data={"token": TOKEN, "next": "/runs/demo"}, headers={"Origin": NAMED})
    cookie = right.headers["set-cookie"]
    assert (right.status_code, right.headers["location"]) == (303, "/runs/demo")
    for part in ("__Host-detent=", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"):
        assert part in cookie
    assert TOKEN not in cookie
    assert named.get("/api/v1/runs").status_code == 200
    token = named.get("/api/v1/token").json()["token"]
    assert named.post("/logout").status_code == 403
    assert named.post("/logout", headers={"X-Detent-Token": token}).status_code == 303
    named.cookies.set("__Host-detent", cookie.partition("=")[2].partition(";")[0])
    assert named.get("/api/v1/runs").status_code == 401


def test_one_readers_token_for_changes_is_not_anothers(named: TestClient) -> None:
    def of(reader: str) -> str:
        headers = {"Authorization": f"Bearer {reader}"}
        return str(named.get("/api/v1/token", headers=headers).json()["token"])

    assert of(TOKEN) != of("another")
    crossed = {"Authorization": f"Bearer {TOKEN}", "X-Detent-Token": of("another")}
    assert named.post("/logout", headers=crossed).status_code == 403


@pytest.mark.parametrize(
    "then", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_login_leads_nowhere_else(then: str, named: TestClient) -> None:
    answer = named.post("/login", data={"token": TOKEN, "next": then}, headers={"Origin": NAMED})
    assert answer.headers["location"] == "/"


def test_another_sites_form_cannot_log_somebody_in(named: TestClient) -> None:
    answer = named.post("/login", data={"token": TOKEN}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def limited(house: House, **limits: Any) -> TestClient:
    few = Settings("127.0.0.1", 0, LOCAL, limits=Limits(**limits))
    return TestClient(create_app(house, few), base_url=LOCALLY)


def test_who_asks_too_often_waits(house: House) -> None:
    client = limited(house, rate=0.01, burst=3)
    answers = [client.get("/api/v1/runs") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["retry-after"]) > 60


def test_guesses_of_tokens_are_few(house: House) -> None:
    app = create_app(house, settings(limits=Limits(unknown_rate=0.01, unknown_burst=5)))
    client = TestClient(app, base_url="http://detent.example.com", follow_redirects=False)
    data, headers = {"token": "guess"}, {"Origin": "http://detent.example.com"}
    answers = [client.post("/login", data=data, headers=headers).status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]


def test_a_body_without_an_announced_length_is_counted(house: House) -> None:
    app = create_app(house, Settings.local())

    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"a" * 10_000

    client = TestClient(app, base_url=LOCALLY)
    assert client.post("/login", content=pieces()).status_code == 413


def test_buckets_fill_up_again_and_forget_whom_they_have_not_heard_of() -> None:
    buckets = Buckets(rate=1.0, burst=2.0)
    assert [buckets.take("a", at) for at in (0.0, 0.0, 0.0, 1.0, 1.5)] == [0.0, 0.0, 1.0, 0.0, 0.5]
    for number in range(MOST_CLIENTS):
        buckets.take(f"client {number}", 2.0)
    assert len(buckets._left) == MOST_CLIENTS
    assert buckets.take("a", 2.0) == 0.0


def test_seats_are_for_each_and_for_all_and_free_again() -> None:
    seats = Seats(2, 3)
    with seats.seat("a") as one, seats.seat("a") as two, seats.seat("a") as three, seats.seat("b") as other:
        assert (one, two, three, other) == (True, True, False, True)
        with seats.seat("c") as late:
            assert not late
    assert seats.taken == 0


def test_the_run_is_not_named_to_who_may_not_read(named: TestClient, looked_at: Made) -> None:
    page = named.get("/login").text
    assert looked_at.folder.name not in page.replace("detent", "")
