"""A charter is followed only by what the stewards in force and the new ones both signed, and the past stays."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.charter.charter_attacks import with_payload
from tests.charter.charter_texts import (
    ADA,
    BOB,
    CATALOGUE,
    CYD,
    DEE,
    DRAFT,
    EVE,
    SAFE,
    TIP,
    charter_text,
    team_charter,
)

from detent.charter import (
    CHARTER_TYPE,
    SignedCharter,
    amend_text,
    amendment_standing,
    check_amendment,
    claimed,
    endorse,
    rotate,
    succession,
    verified,
)
from detent.errors import CharterError, DetentError, TrustError
from detent.signing import SigningKey, add_signature, merge_envelopes

OLD = team_charter()
FIN = SigningKey.from_seed("fin", b"fin".ljust(32))
NEW_ADA = SigningKey.from_seed("ada", b"another ada".ljust(32))


def edited(old: str = "hours = 10", new: str = "hours = 5", charter: SignedCharter = OLD) -> str:
    """The charter's text after its author changed something, version and all."""
    assert old in charter.text
    return charter.text.replace(old, new, 1)


def amendment(text: str, by: Sequence[SigningKey]) -> str:
    return endorse(amend_text(OLD, text, CATALOGUE), by)


def given_to(key: SigningKey, instead_of: SigningKey = BOB) -> str:
    return rotate(OLD.text, instead_of.verify_key, key.verify_key)


def without_checks(text: str, by: Sequence[SigningKey] = (ADA, BOB, CYD, DEE), version: int = 2) -> str:
    """Signed by people who do not look, or do not care."""
    return endorse(text.replace("\npurpose", f"\nversion = {version}\npurpose", 1), by)


def test_an_amendment_is_the_edited_text_with_the_next_version() -> None:
    text = amend_text(OLD, edited(), CATALOGUE)
    assert text == edited().replace("\npurpose", "\nversion = 2\npurpose", 1)
    new = check_amendment(OLD, endorse(text, [ADA, BOB]), CATALOGUE)
    assert (new.charter.version, new.charter.pace.lease.hours, new.text) == (2, 5.0, text)
    assert new == verified(new.envelope, CATALOGUE)


def test_an_author_may_count_the_version_up_or_leave_it() -> None:
    second = check_amendment(OLD, amendment(edited(), [ADA, BOB]), CATALOGUE)
    left = second.text.replace("hours = 5", "hours = 6")
    counted = left.replace("version = 2", "version = 3")
    assert amend_text(second, left, CATALOGUE) == amend_text(second, counted, CATALOGUE) == counted


class Change(NamedTuple):
    """An amendment's text and its signers."""

    text: str
    by: Sequence[SigningKey]


FOLLOWING = {
    "who is a steward in both charters signs once": Change(edited(), [CYD, DEE]),
    "a steward is replaced by the others": Change(given_to(EVE), [ADA, CYD]),
    "a steward hands over to another": Change(given_to(EVE), [BOB, ADA, EVE]),
    "a steward gets a new key under the old name": Change(given_to(NEW_ADA, ADA), [ADA, BOB, NEW_ADA]),
    "the quorum is raised, and the new one signs": Change(
        edited("quorum = 2", "quorum = 4"), [ADA, BOB, CYD, DEE]
    ),
    "the quorum is lowered by the quorum": Change(edited("quorum = 2", "quorum = 1"), [ADA, BOB]),
    "roles and rules are changed": Change(edited('operator = ["ada"]', 'operator = ["dee"]'), [ADA, BOB]),
    "another seed": Change(edited("[seal]", "[run]\nseed = 7\n[seal]"), [ADA, BOB]),
    "the recovery key stands in for those who lost theirs": Change(given_to(EVE), [SAFE, CYD, EVE]),
    "the recovery key is replaced": Change(
        rotate(OLD.text, SAFE.verify_key, SigningKey("safe-2", EVE.private).verify_key), [ADA, BOB]
    ),
    "the recovery key is given up": Change(edited(f'recovery = "{SAFE.verify_key}"\n', ""), [ADA, BOB]),
}


@pytest.mark.parametrize("case", FOLLOWING)
def test_a_charter_is_followed_when(case: str) -> None:
    change = FOLLOWING[case]
    new = check_amendment(OLD, amendment(change.text, change.by), CATALOGUE)
    assert new.charter.version == 2
    assert amendment_standing(OLD, new).met


ALL_NEW = rotate(given_to(EVE, ADA), BOB.verify_key, FIN.verify_key).replace("version = 3", "version = 2")


class Attack(NamedTuple):
    """An envelope, and how it is refused."""

    envelope: str
    error: type[DetentError]
    says: str


ATTACKS = {
    "amended with the new keys only": Attack(
        amendment(ALL_NEW, [EVE, FIN]),
        TrustError,
        "by the stewards in force signed by 0/2 stewards; a valid signature is missing from ada, bob, cyd, dee",
    ),
    "amended with the old keys only": Attack(
        amendment(ALL_NEW, [ADA, BOB]), TrustError, "by the new ones signed by 0/2 stewards"
    ),
    "one of the old stewards and the whole new quorum sign": Attack(
        amendment(ALL_NEW, [ADA, EVE, FIN]), TrustError, "in force signed by 1/2 stewards"
    ),
    "the quorum is lowered by a single steward": Attack(
        amendment(edited("quorum = 2", "quorum = 1"), [ADA]), TrustError, "in force signed by 1/2 stewards"
    ),
    "the quorum is raised without those who must then sign": Attack(
        amendment(edited("quorum = 2", "quorum = 4"), [ADA, BOB, CYD]),
        TrustError,
        "by the new ones signed by 3/4 stewards; a valid signature is missing from dee",
    ),
    "the recovery key appoints somebody who does not sign": Attack(
        amendment(given_to(EVE), [SAFE, ADA]), TrustError, "by the new ones signed by 1/2"
    ),
    "the recovery key signs alone": Attack(
        amendment(edited(), [SAFE]), TrustError, "recovery key; by the new"
    ),
    "the recovery key counts as one of the old quorum's missing and of the new": Attack(
        amendment(edited(), [SAFE, ADA]), TrustError, "by the new ones signed by 1/2 stewards"
    ),
    "the recovery key of the new charter stands in for the old quorum": Attack(
        amendment(
            rotate(OLD.text, SAFE.verify_key, FIN.verify_key).replace("quorum = 2", "quorum = 1"), [FIN, ADA]
        ),
        TrustError,
        "in force signed by 1/2 stewards",
    ),
    "the recovery key becomes a steward": Attack(
        without_checks(
            OLD.text.replace(f'recovery = "{SAFE.verify_key}"\n', "")
            .replace(str(DEE.verify_key), str(SAFE.verify_key))
            .replace('auditor = ["dee"]', "")
        ),
        CharterError,
        "stewards.keys.3: a key that is not the recovery key in force expected",
    ),
    "the recovery key becomes a steward under another name": Attack(
        without_checks(
            OLD.text.replace(f'recovery = "{SAFE.verify_key}"\n', "").replace(
                str(DEE.verify_key), str(SigningKey("dee", SAFE.private).verify_key)
            )
        ),
        CharterError,
        "stewards.keys.3: a key that is not the recovery key in force expected",
    ),
    "a stranger signs under a steward's name": Attack(
        amendment(edited(), [ADA, SigningKey("bob", EVE.private)]), TrustError, "in force signed by 1/2"
    ),
    "one steward signs a second time under another's name": Attack(
        add_signature(amendment(edited(), [ADA]), CHARTER_TYPE, SigningKey("bob", ADA.private)),
        TrustError,
        "in force signed by 1/2",
    ),
    "a version is skipped": Attack(
        without_checks(edited(), version=3),
        CharterError,
        "version: 2, the one after the charter in force, expected",
    ),
    "the version stays as it is": Attack(endorse(edited(), [ADA, BOB]), CharterError, "expected, got 1"),
    "the first charter is shown again": Attack(OLD.envelope, CharterError, "version: 2, the one after"),
    "the seal is replaced by an amendment": Attack(
        without_checks(edited(TIP, "00" * 32)),
        CharterError,
        f'seal.tip: "{TIP[:60]}..." expected, as in the charter in force',
    ),
    "the seal is made longer": Attack(
        without_checks(edited("length = 1000", "length = 2000")),
        CharterError,
        "seal.length: 1000 expected, as in the charter in force, got 2000; the run began with it",
    ),
    "the first model gets another shape": Attack(
        without_checks(edited("[seal]", "[subject]\nlayers = 4\n[seal]")),
        CharterError,
        "subject.layers: 3 expected",
    ),
    "the first model comes from elsewhere": Attack(
        without_checks(edited("[seal]", '[subject]\nsource = "mine"\n[seal]')),
        CharterError,
        'subject.source: "built" expected',
    ),
    "a judge comes along that was not there when the run began": Attack(
        without_checks(
            edited(
                "[seal]",
                '[feedback]\nmethods = ["dpo"]\njudge_source = "wise"\nforms = "words"\n[seal]',
            )
        ),
        CharterError,
        'feedback.judge_source: "taught", "incumbent" or what is in force, "taught", expected, got "wise"',
    ),
    "more levels were taught": Attack(
        without_checks(edited("[seal]", "[recipe]\nseed_levels = 6\n[seal]")),
        CharterError,
        "recipe.seed_levels: 5 expected",
    ),
    "the charter of another run of the same stewards": Attack(
        without_checks(charter_text(keys=(ADA, BOB, CYD, DEE)).replace(TIP, "11" * 32)),
        CharterError,
        "seal.tip",
    ),
    "a role for somebody who is no steward any more": Attack(
        without_checks(edited(str(BOB.verify_key), str(EVE.verify_key))),
        CharterError,
        "stewards.roles.approver.0: one of ada, eve, cyd, dee, the stewards, expected",
    ),
    "the text is changed after it was signed": Attack(
        with_payload(amendment(edited(), [ADA, BOB]), lambda p: p.replace(b"hours = 5", b"hours = 9")),
        TrustError,
        "in force signed by 0/2",
    ),
    "no envelope": Attack("{}", TrustError, "a DSSE envelope expected"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_charter_is_not_followed_when(attack: str) -> None:
    envelope, error, says = ATTACKS[attack]
    with pytest.raises(error) as caught:
        check_amendment(OLD, envelope, CATALOGUE)
    assert says in str(caught.value)


def test_an_amendment_is_signed_one_after_another_and_says_who_is_missing() -> None:
    text = amend_text(OLD, given_to(EVE), CATALOGUE)
    first, other = endorse(text, [ADA]), endorse(text, [EVE])
    found = amendment_standing(OLD, claimed(first, CATALOGUE))
    assert (found.met, found.recovered) == (False, False)
    assert found.old.unsigned == ("bob", "cyd", "dee")
    assert found.new.unsigned == ("eve", "cyd", "dee")
    whole = add_signature(merge_envelopes(first, other, CHARTER_TYPE), CHARTER_TYPE, BOB)
    assert check_amendment(OLD, whole, CATALOGUE).envelope == endorse(text, [EVE, ADA, BOB])


def test_with_a_quorum_of_one_the_recovery_key_replaces_the_lost_one() -> None:
    alone = verified(endorse(charter_text(recovery=str(SAFE.verify_key)), [ADA]), CATALOGUE)
    text = amend_text(alone, rotate(alone.text, ADA.verify_key, EVE.verify_key), CATALOGUE)
    new = check_amendment(alone, endorse(text, [SAFE, EVE]), CATALOGUE)
    assert new.stewards == (EVE.verify_key,)
    without = verified(endorse(charter_text(), [ADA]), CATALOGUE)
    text = amend_text(without, rotate(without.text, ADA.verify_key, EVE.verify_key), CATALOGUE)
    with pytest.raises(TrustError, match="in force signed by 0/1 stewards"):
        check_amendment(without, endorse(text, [SAFE, EVE]), CATALOGUE)


NO_AMENDMENTS = {
    "nothing is changed": (OLD.text, "a change expected, got the charter in force"),
    "a version is skipped": (
        edited().replace("\npurpose", "\nversion = 3\npurpose"),
        "version: 2, the one after the charter in force, expected, got 3",
    ),
    "the seal is replaced": (edited(TIP, "00" * 32), "seal.tip"),
    "it is no charter": (DRAFT, "seal: a table with tip, length expected, got nothing"),
    "a key is written wrongly": (edited("hours", "ours"), "pace.lease.ours: a key of"),
    "the version is part of a text": (
        edited('purpose = "For tests"', '"purpose" = """For\\\n  tests"""').replace(
            "name", "version = 0x1\nname"
        ),
        "`version` and `purpose` at the beginning of a line",
    ),
}


@pytest.mark.parametrize("case", NO_AMENDMENTS)
def test_there_is_nothing_to_sign_when(case: str) -> None:
    text, says = NO_AMENDMENTS[case]
    with pytest.raises(CharterError) as caught:
        amend_text(OLD, text, CATALOGUE)
    assert says in str(caught.value)


def chain() -> list[str]:
    """Three charters: hours changed, then Bob replaced by Eve."""
    second = check_amendment(OLD, amendment(edited(), [ADA, BOB]), CATALOGUE)
    text = amend_text(second, rotate(second.text, BOB.verify_key, EVE.verify_key), CATALOGUE)
    return [OLD.envelope, second.envelope, endorse(text, [CYD, EVE, DEE])]


def test_charters_follow_one_another() -> None:
    charters = succession(chain(), CATALOGUE)
    assert [each.charter.version for each in charters] == [1, 2, 3]
    assert [key.name for key in charters[-1].stewards] == ["ada", "eve", "cyd", "dee"]
    assert succession([OLD.envelope], CATALOGUE) == (OLD,)


def test_charters_out_of_order_or_without_the_first_are_refused() -> None:
    first, second, third = chain()
    for wrong in ([first, third], [first, third, second], [first, first], [first, second, second]):
        with pytest.raises(CharterError, match="the one after the charter in force, expected"):
            succession(wrong, CATALOGUE)
    with pytest.raises(TrustError, match="version 1 as the first charter expected, got 2"):
        succession([second, third], CATALOGUE)
    with pytest.raises(TrustError, match="at least a first charter expected"):
        succession([], CATALOGUE)


POOL = (ADA, BOB, CYD, DEE, EVE, FIN)
SOME = st.lists(st.sampled_from(POOL), min_size=1, max_size=6, unique_by=lambda key: key.name)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_both_quorums_and_nothing_less_make_an_amendment(data: st.DataObject) -> None:
    keys, signers = data.draw(SOME), data.draw(SOME)
    quorum = data.draw(st.integers(1, len(keys)))
    recovered = data.draw(st.booleans())
    text = charter_text(DRAFT.replace("quorum = 1", f"quorum = {quorum}"), keys).replace(
        "\npurpose", "\nversion = 2\npurpose"
    )
    envelope = endorse(text, [*signers, SAFE] if recovered else signers)
    names = {key.name for key in signers}
    before = len(names & {"ada", "bob", "cyd", "dee"}) >= 2
    after = len(names & {key.name for key in keys}) >= quorum
    if (before or recovered) and after:
        assert check_amendment(OLD, envelope, CATALOGUE).charter.stewards.quorum == quorum
    else:
        with pytest.raises(TrustError, match="an amendment signed by"):
            check_amendment(OLD, envelope, CATALOGUE)
