"""An answer is one to that question: about that candidate, seen from that ledger, under that charter."""

from collections.abc import Sequence

import pytest
from tests.charter.charter_attacks import OTHER, with_payload
from tests.charter.charter_texts import ADA, BOB, CYD, DEE, EVE, SAFE, team_charter

from detent.charter import (
    ANSWER_TYPE,
    ORDER_TYPE,
    Question,
    Reply,
    SignedCharter,
    answer,
    rule_to_answer,
    standing,
    verified_answer,
)
from detent.errors import TrustError, UsageError
from detent.signing import SigningKey, add_signature, seal_envelope

CHARTER = team_charter()
MODEL, ROOT = "cd" * 32, "ab" * 32
ASKED = Question(request=3, candidate=MODEL, root=ROOT, expires="2026-02-08T12:00:00Z")


def changed(**changes: object) -> Question:
    return Question.model_validate(ASKED.model_dump() | changes)


def answered(
    reply: Reply = "approve",
    by: Sequence[SigningKey] = (BOB, CYD),
    to: Question = ASKED,
    charter: SignedCharter = CHARTER,
) -> str:
    return answer(charter, to, reply, "read the report", by)


def test_an_answer_comes_back_as_it_was_given_with_those_who_gave_it() -> None:
    found, signers = verified_answer(answered(), CHARTER, ASKED, 0)
    assert (found.verdict, found.because, signers) == ("approve", "read the report", ("bob", "cyd"))
    assert {field: getattr(found, field) for field in Question.model_fields} == ASKED.model_dump()


@pytest.mark.parametrize("steward", [ADA, BOB, CYD, DEE], ids=lambda key: key.name)
def test_any_one_steward_says_no_whatever_a_threshold_asks(steward: SigningKey) -> None:
    found = verified_answer(answered("deny", [steward]), CHARTER, ASKED, 2)
    assert (found.answer.verdict, found.signers) == ("deny", (steward.name,))


def test_a_question_whether_to_go_on_has_no_candidate() -> None:
    going_on = changed(candidate="")
    assert verified_answer(answered(to=going_on), CHARTER, going_on, 1).answer.candidate == ""


UNDECIDED: dict[str, tuple[Sequence[SigningKey], int, str]] = {
    "one approver says yes": ([BOB], 0, "signed by 1/2 approvers and 0/1 safety"),
    "one steward who holds two roles says yes for two approvers": ([CYD], 0, "signed by 1/2 approvers"),
    "all but safety say yes": ([ADA, BOB, DEE], 0, "0/1 safety; a valid signature is missing from cyd"),
    "the recovery key says yes beside an approver": ([BOB, SAFE], 0, "signed by 1/2 approvers"),
    "a stranger with an approver's name says yes": (
        [SigningKey("bob", EVE.private), CYD],
        0,
        "signed by 1/2 approvers and 1/1 safety; a valid signature is missing from bob",
    ),
    "a threshold asks for more than said yes": ([BOB, CYD], 3, "signed by 2/3 approvers"),
}


@pytest.mark.parametrize("case", UNDECIDED)
def test_it_is_no_yes_when(case: str) -> None:
    by, least, says = UNDECIDED[case]
    with pytest.raises(TrustError) as caught:
        verified_answer(answered(by=by), CHARTER, ASKED, least)
    assert says in str(caught.value)


@pytest.mark.parametrize("reply", ["approve", "deny"])
def test_the_recovery_key_alone_answers_nothing(reply: Reply) -> None:
    with pytest.raises(TrustError, match="signed by 0/"):
        verified_answer(answered(reply, [SAFE]), CHARTER, ASKED, 0)


ATTACKS: dict[str, tuple[str, str]] = {
    "an answer signed for another candidate": (
        answered(to=changed(candidate="ef" * 32)),
        f"an answer with candidate '{MODEL}' expected, got one with 'efef",
    ),
    "an answer signed for whether to go on": (
        answered(to=changed(candidate="")),
        "an answer with candidate 'cdcd",
    ),
    "an answer to an earlier question": (
        answered(to=changed(request=2)),
        "an answer with request 3 expected, got one with 2",
    ),
    "an answer to the same question on another ledger": (
        answered(to=changed(root="00" * 32)),
        "an answer with root 'abab",
    ),
    "an answer that gives itself more time": (
        answered(to=changed(expires="2027-02-08T12:00:00Z")),
        "an answer with expires '2026-02-08T12:00:00Z' expected, got one with '2027",
    ),
    "a no to another question": (
        answered("deny", [ADA], to=changed(request=2)),
        "an answer with request 3 expected",
    ),
    "an answer under another charter": (answered(charter=OTHER), "an answer under charter"),
    "a no turned into a yes": (
        with_payload(answered("deny"), lambda p: p.replace(b'"deny"', b'"approve"')),
        "signed by 0/2 approvers",
    ),
    "a yes turned into a no": (
        with_payload(answered(), lambda p: p.replace(b'"approve"', b'"deny"')),
        "signed by 0/1 stewards",
    ),
    "an answer that says perhaps": (
        seal_envelope(b'{"verdict":"perhaps"}', ANSWER_TYPE, [BOB, CYD]),
        "an answer with charter, request, candidate, root, expires, verdict and because expected",
    ),
    "an order shown as an answer": (
        seal_envelope(b"{}", ORDER_TYPE, [BOB, CYD]),
        "it was signed to mean something else",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_answered_by(attack: str) -> None:
    envelope, says = ATTACKS[attack]
    with pytest.raises(TrustError) as caught:
        verified_answer(envelope, CHARTER, ASKED, 0)
    assert says in str(caught.value)


def test_an_answer_is_signed_one_after_another_and_says_who_is_missing() -> None:
    first, rule = answered(by=[BOB]), rule_to_answer(CHARTER, "approve", 1)
    assert standing(first, ANSWER_TYPE, CHARTER, rule).unsigned == ("cyd",)
    whole = add_signature(first, ANSWER_TYPE, CYD)
    assert verified_answer(whole, CHARTER, ASKED, 1).signers == ("bob", "cyd")


def test_no_answer_is_signed_without_a_reason() -> None:
    with pytest.raises(UsageError, match="a value of because that an answer takes expected, got ''"):
        answer(CHARTER, ASKED, "deny", "", [ADA])
