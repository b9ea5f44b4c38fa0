"""Who decides, how fast, which tripwires: every default, and every mistake with its place."""

import copy
import json
import re
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.charter.charter_faults import KEY, Bad, added, after, faults
from tests.charter.charter_texts import ADA, BOB, CATALOGUE, DRAFT, EVE, TEAM, TIP, charter_text
from tests.charter.test_charter_lines import VALUES, paths, written

from detent.charter import Catalogue, LeaseTerms, Pace, Threshold, parse_draft
from detent.charter._editing import put
from detent.charter._lines import Path
from detent.errors import CharterError, UsageError
from detent.signing import SigningKey

LISTED = f'keys = ["{ADA.verify_key}", "{BOB.verify_key}"]'


def test_a_draft_may_list_its_stewards_and_is_then_held_to_them() -> None:
    draft = DRAFT.replace("quorum = 1", f"quorum = 1\n{LISTED}")
    assert len(parse_draft(draft, CATALOGUE).stewards.keys) == 2
    (line,) = faults(draft.replace("quorum = 1", "quorum = 3"))
    assert line == "5: stewards.quorum: at most 2 expected, the number of keys, got 3"
    (line,) = faults(draft + '[stewards.roles]\napprover = ["ada"]\nsafety = ["cyd"]\n')
    assert line == '15: stewards.roles.safety.0: one of ada, bob, the stewards, expected, got "cyd"'


def test_how_fast_has_the_documented_defaults_and_takes_whole_numbers_for_hours() -> None:
    draft = parse_draft(DRAFT.replace("= 8", "= 8, hours = 2"), CATALOGUE)
    assert draft.pace.lease == LeaseTerms(generations=8, hours=2.0, petaflop=0.2)
    assert draft.pace == Pace(lease=draft.pace.lease)
    assert draft.direction.threshold == ()


def test_thresholds_are_read_in_their_order() -> None:
    more = "".join(f'[[direction.threshold]]\ntask = "copy"\nhorizon = {horizon}\n' for horizon in (12, 20.5))
    thresholds = parse_draft(DRAFT + more, CATALOGUE).direction.threshold
    assert thresholds == tuple(Threshold(task="copy", horizon=horizon, quorum=1) for horizon in (12.0, 20.5))


def test_every_tripwire_is_on_with_its_defaults_and_a_table_changes_what_it_names() -> None:
    tables = '[tripwires.forgetting]\nlevels = 3\n[tripwires.mine]\nsource = "mine.py:watch"\n'
    draft = parse_draft(DRAFT + tables, CATALOGUE)
    assert {name: wire.action for name, wire in draft.tripwires.items()} == {
        "forgetting": "pause",
        "label_avalanche": "halt",
        "unexplained": "record",
        "mine": "pause",
    }
    assert dict(draft.wire("forgetting").limits) == {"drop": 0.05, "levels": 3.0}
    assert dict(draft.wire("label_avalanche").limits) == {"tolerated": 0.05}
    assert dict(draft.wire("unexplained").limits) == {}
    assert [draft.wire(name).own for name in ("mine", "unexplained")] == [True, False]
    with pytest.raises(
        UsageError, match="one of forgetting, label_avalanche, unexplained, mine expected, got x"
    ):
        draft.wire("x")


def test_a_limit_without_a_default_is_set_by_the_charter_alone() -> None:
    draft = parse_draft(DRAFT + "[tripwires.unexplained]\nangle = 1_000_000\n", CATALOGUE)
    assert dict(draft.wire("unexplained").limits) == {"angle": 1e6}


def test_without_tripwires_in_the_catalogue_there_are_those_of_the_author() -> None:
    few = Catalogue(CATALOGUE.tasks, CATALOGUE.least_limit)
    assert parse_draft(DRAFT, few).tripwires == {}
    with pytest.raises(CharterError, match=r"tripwires\.forgetting: .* Detent's are none; for your own"):
        parse_draft(DRAFT + "[tripwires.forgetting]\n", few)


BAD = {
    "keys that are none": Bad(
        "quorum = 1", 'keys = ["me"]\nquorum = 1', f"5: stewards.keys.0: {KEY}", '"me"'
    ),
    "an empty list of keys": Bad(
        "quorum = 1",
        "keys = []\nquorum = 1",
        f"5: stewards.keys: an array with one or more of {KEY} expected",
    ),
    "a recovery key that is none": Bad(
        "quorum = 1", 'recovery = ""\nquorum = 1', f"5: stewards.recovery: {KEY} expected, got"
    ),
    "a lease of no time": Bad(
        "= 8",
        "= 8, hours = 0",
        "8: pace.lease.hours: hours, a number above 0, at most 87600, expected, got 0",
    ),
    "a lease of no compute": Bad(
        "= 8",
        "= 8, petaflop = 0.0",
        "8: pace.lease.petaflop: a number above 0, at most 1e15, expected, got 0.0",
    ),
    "a lease without end": Bad("= 8", "= 8, hours = inf", "8: pace.lease.hours: ", "got inf"),
    "hours in words": Bad("= 8", '= 8, hours = "a day"', "8: pace.lease.hours: ", 'got "a day"'),
    **{
        f"{key} of {value}": Bad(
            "[pace]", f"[pace]\n{key} = {value}", f"8: pace.{key}: {wanted} expected, got {value}"
        )
        for key, value, wanted in (
            ("max_gain_per_generation", "0.0", "a number above 0, at most 1"),
            ("max_gain_per_generation", "1.5", "a number above 0, at most 1"),
            ("generations_per_day", "-1", "an integer from 0 to 100000"),
            ("generations_per_day", "1.0", "an integer from 0 to 100000"),
            ("review_hours", "-0.5", "hours, a number from 0 to 87600,"),
            ("evaluation_lag", "101", "an integer from 0 to 100"),
            ("answer_hours", "0", "hours, a number above 0, at most 87600,"),
        )
    },
    "a threshold on a task that is not improved": Bad(
        *after('[[direction.threshold]]\ntask = "sort"\nhorizon = 5'),
        '13: direction.threshold.0.task: a task that direction.improve names expected, got "sort"',
    ),
    "a threshold without a horizon": Bad(
        *after('[[direction.threshold]]\ntask = "copy"'),
        "12: direction.threshold.0.horizon: a level, a number above 0, at most 1000, expected, got nothing",
    ),
    "a threshold of a name alone": Bad(
        *after('threshold = ["copy"]'),
        "12: direction.threshold.0: a table with task, horizon expected,",
        'got "copy"',
    ),
    "thresholds that are no list": Bad(
        *after("threshold = 9"),
        "12: direction.threshold: an array with a table with task, horizon expected, got 9",
    ),
    "more approvers than there are": Bad(
        *after(
            '[[direction.threshold]]\ntask = "copy"\nhorizon = 5\nquorum = 2\n'
            '[stewards.roles]\napprover = ["ada"]'
        ),
        "15: direction.threshold.0.quorum: at most 1 expected, the number of stewards with the role approver, got 2",
    ),
    "a rule that nobody can meet": Bad(
        *after(
            '[stewards.roles]\napprover = ["ada"]\nsafety = ["cyd"]\n[stewards.rules]\napprove = { safety = 2 }'
        ),
        "16: stewards.rules.approve.safety: at most 1 expected, the number of stewards with the role safety, got 2",
    ),
    "a rule for a role that nobody has": Bad(
        *after(
            '[stewards.roles]\napprover = ["ada"]\nsafety = ["cyd"]\n[stewards.rules]\napprove = { operator = 1 }'
        ),
        "16: stewards.rules.approve.operator: at most 0 expected",
    ),
    "a rule for what is no rule's": Bad(
        *after("[stewards.rules]\nlift = { steward = 1 }"),
        "13: stewards.rules.lift: a key of [stewards.rules] expected",
        "its keys are approve, lease, resume, rollback",
    ),
    "a rule of a role that nobody knows": Bad(
        *after("[stewards.rules]\nlease = { operater = 1 }"),
        "13: stewards.rules.lease.operater: one of steward, operator, approver, safety and auditor expected",
    ),
    "a rule of nothing": Bad(
        *after("[stewards.rules]\nlease = {}"),
        "13: stewards.rules.lease: a table with at least one key expected, got an empty table",
    ),
    "a rule of nobody": Bad(
        *after("[stewards.rules]\nlease = { operator = 0 }"),
        "13: stewards.rules.lease.operator: an integer from 1 to 64 expected, got 0",
    ),
    "a rule that is a number": Bad(
        *after("[stewards.rules]\nlease = 2"),
        "13: stewards.rules.lease: a table with at least one key expected, got 2",
    ),
    "roles without an approver": Bad(
        *after('[stewards.roles]\nsafety = ["ada"]'),
        "12: stewards.roles.approver: at least one steward's name expected, got none",
    ),
    "a role that nobody knows": Bad(
        *after('[stewards.roles]\noperater = ["ada"]'),
        "13: stewards.roles.operater: a key of [stewards.roles] expected",
        "did you mean operator?",
    ),
    "a role that is a name": Bad(
        *after('[stewards.roles]\noperator = "ada"'),
        '13: stewards.roles.operator: an array with a steward\'s name, as in stewards.keys, expected, got "ada"',
    ),
    "a role held by a key": Bad(
        *after('[stewards.roles]\noperator = ["ada+00"]'),
        '13: stewards.roles.operator.0: a steward\'s name, as in stewards.keys, expected, got "ada+00"',
    ),
    "a role held by one person twice": Bad(
        *after('[stewards.roles]\napprover = ["ada"]\noperator = ["ada", "ada"]'),
        '14: stewards.roles.operator.1: another name expected, got "ada" again',
    ),
    "a role held by nobody": Bad(
        *after('[stewards.roles]\noperator = [""]'), "13: stewards.roles.operator.0: a steward's name"
    ),
    "confinement in words": Bad(
        *added('[constraints]\nconfined = "yes"'),
        '11: constraints.confined: true or false expected, got "yes"',
    ),
    "no disk": Bad(
        *added("[constraints]\nmax_disk_gb = 0"),
        "11: constraints.max_disk_gb: a number above 0, at most 1000000, expected, got 0",
    ),
    "a negative share of compute": Bad(
        *added("[constraints]\nmax_compute_share = -0.1"),
        "11: constraints.max_compute_share: a number from 0 to 1000000 expected, got -0.1",
    ),
    "a tripwire that nobody knows": Bad(
        *added('[tripwires.forgeting]\naction = "halt"'),
        "10: tripwires.forgeting: a tripwire of Detent's or one of your own expected",
        'did you mean forgetting? for your own add source = "FILE.py:function"',
    ),
    "a tripwire like no other": Bad(
        *added('[tripwires.zzz]\naction = "halt"'),
        "10: tripwires.zzz: a tripwire of Detent's",
        "Detent's are forgetting, label_avalanche, unexplained; for your own add source",
    ),
    "an action that there is not": Bad(
        *added('[tripwires.forgetting]\naction = "ignore"'),
        '11: tripwires.forgetting.action: "record", "pause" or "halt" expected, got "ignore"',
    ),
    "an action written wrongly": Bad(
        *added('[tripwires.forgetting]\nactoin = "halt"'),
        "11: tripwires.forgetting.actoin: a key of [tripwires.forgetting] expected",
        "did you mean action?",
    ),
    "a limit that there is not": Bad(
        *added("[tripwires.forgetting]\ntolerated = 0.1"),
        "11: tripwires.forgetting.tolerated: a key of [tripwires.forgetting] expected",
        "its keys are action, drop, levels",
    ),
    "a limit above its bound": Bad(
        *added("[tripwires.forgetting]\ndrop = 1.5"),
        "11: tripwires.forgetting.drop: a number from 0 to 1 expected, got 1.5",
    ),
    "a limit that is no number": Bad(
        *added("[tripwires.forgetting]\ndrop = nan"), "11: tripwires.forgetting.drop: a number", "got nan"
    ),
    "a limit that is true": Bad(
        *added("[tripwires.forgetting]\nlevels = true"),
        "11: tripwires.forgetting.levels: a number",
        "got true",
    ),
    "a limit beyond every number": Bad(
        *added("[tripwires.forgetting]\nlevels = 1" + "0" * 400), "11: tripwires.forgetting.levels: a number"
    ),
    "a limit without an end": Bad(
        *added("[tripwires.unexplained]\nangle = inf"),
        "11: tripwires.unexplained.angle: a number of at least 0.5 expected, got inf",
    ),
    "a limit in words": Bad(
        *added('[tripwires.forgetting]\ndrop = "much"'),
        "11: tripwires.forgetting.drop: a number",
        'got "much"',
    ),
    "a built-in tripwire with a file of the author's": Bad(
        *added('[tripwires.forgetting]\nsource = "mine.py:watch"'),
        "11: tripwires.forgetting.source: nothing expected beside a tripwire of Detent's",
    ),
    "a tripwire's file from above": Bad(
        *added('[tripwires.mine]\nsource = "../x.py:watch"'),
        '11: tripwires.mine.source: "FILE.py:function" beside the charter expected',
    ),
    "a limit for a tripwire of the author's own": Bad(
        *added('[tripwires.mine]\nsource = "x.py:watch"\ndrop = 0.1'),
        "12: tripwires.mine.drop: a key of [tripwires.mine] expected",
    ),
    "a draft that brings a tripwire's hash": Bad(
        *added('[tripwires.mine]\nsource = "a.py:b"\nsha256 = "x"'),
        "12: tripwires.mine.sha256: nothing expected in a draft: `init` fills it in; remove it",
    ),
    "a tripwire with a capital": Bad(
        *added('[tripwires.Mine]\nsource = "a.py:b"'), "10: tripwires.Mine: a tripwire's name in a-z"
    ),
    "a tripwire that is a word": Bad(
        *added('[tripwires]\nforgetting = "halt"'), '11: tripwires.forgetting: a table expected, got "halt"'
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_draft_is_refused_with_one_clear_line(case: str) -> None:
    bad = BAD[case]
    assert bad.old in DRAFT
    (line,) = faults(DRAFT.replace(bad.old, bad.new, 1))
    assert line.startswith(bad.begins)
    assert bad.says in line


BAD_CHARTER = {
    "a tripwire of the author's own without its hash": (
        "[seal]",
        '[tripwires.mine]\nsource = "mine.py:watch"\n[seal]',
        ["tripwires.mine.sha256: 64 lower-case hex digits expected, got nothing"],
    ),
    "a built-in tripwire with a hash": (
        "[seal]",
        f'[tripwires.forgetting]\nsha256 = "{TIP}"\n[seal]',
        ["tripwires.forgetting.sha256: nothing expected beside a tripwire of Detent's"],
    ),
    "a version of nothing": (
        'name = "small"',
        'name = "small"\nversion = 0',
        ["2: version: an integer of at least 1"],
    ),
    "a rule for more stewards than there are": (
        "[seal]",
        "[stewards.rules]\nrollback = { steward = 2 }\n[seal]",
        ["stewards.rules.rollback.steward: at most 1 expected, the number of stewards, got 2"],
    ),
    "a threshold for more approvers than stewards": (
        "[seal]",
        '[[direction.threshold]]\ntask = "copy"\nhorizon = 9.5\nquorum = 2\n[seal]',
        ["direction.threshold.0.quorum: at most 1 expected"],
    ),
    "a role for nobody's name": (
        "[seal]",
        '[stewards.roles]\napprover = ["ada"]\nsafety = ["ada", "bob"]\n[seal]',
        ['stewards.roles.safety.1: one of ada, the stewards, expected, got "bob"'],
    ),
    "a recovery key that is a steward's": (
        "quorum = 1",
        f'quorum = 1\nrecovery = "{ADA.verify_key}"',
        ['6: stewards.recovery: a key of no steward expected, got "ada" again'],
    ),
    "a recovery key that is a steward's under another name": (
        "quorum = 1",
        f'quorum = 1\nrecovery = "{SigningKey("safe", ADA.private).verify_key}"',
        ["6: stewards.recovery: a key of no steward expected"],
    ),
    "a recovery key with a steward's name": (
        "quorum = 1",
        f'quorum = 1\nrecovery = "{SigningKey("ada", EVE.private).verify_key}"',
        ["6: stewards.recovery: a key of no steward expected"],
    ),
}


@pytest.mark.parametrize("case", BAD_CHARTER)
def test_a_bad_charter_is_refused(case: str) -> None:
    old, new, wanted = BAD_CHARTER[case]
    text = charter_text()
    assert old in text
    lines = faults(text.replace(old, new, 1), complete=True)
    assert len(lines) == len(wanted)
    assert all(any(part in line for line in lines) for part in wanted), lines


DOCUMENT = tomllib.loads(
    TEAM
    + '[[direction.threshold]]\ntask = "copy"\nhorizon = 9.5\n'
    + '[tripwires.forgetting]\ndrop = 0.1\n[tripwires.mine]\nsource = "mine.py:watch"\n'
)
KEPT = object()


@given(path=st.sampled_from(list(paths(DOCUMENT))), value=VALUES | st.floats() | st.just(KEPT))
def test_whatever_stands_anywhere_is_taken_or_refused_with_its_place(path: Path, value: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    if value is not KEPT:
        put(document, path, value)
    text = "".join(f"{json.dumps(key)} = {written(each)}\n" for key, each in document.items())
    text = re.sub(r"\b(NaN|Infinity)\b", lambda found: {"NaN": "nan", "Infinity": "inf"}[found[0]], text)
    said: list[str] = []
    try:
        parse_draft(text, CATALOGUE)
    except CharterError as error:
        said = str(error).split("\n")
    assert all(re.match(r"charter\.toml:\d+: \S.*: .* expected.*", line) for line in said)
    assert not (said and value is KEPT)
