"""Answers: stewards are asked about one candidate, and approve or deny that one, until the question expires."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from detent.charter._form import Count, Hash, Reason, Section, Time
from detent.charter._payloads import Payload, believed, check_signed, made, written
from detent.charter.roles import Rule, rule_for
from detent.charter.signed import SignedCharter
from detent.errors import TrustError
from detent.signing import SigningKey, seal_envelope

ANSWER_TYPE = "application/vnd.detent.answer.v1+json"

Reply = Literal["approve", "deny"]
"""approve: what was asked about may be. deny: it may not; silence says the same."""


class Question(Section):
    """What stewards are asked, so that an answer to it is an answer to nothing else.

    request: counts from 1. candidate: digest of the model that would be promoted, "" when none would be.
    root: the ledger's (hex), after the request. expires: from then on, no answer means no.
    """

    request: Count
    candidate: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    root: Hash
    expires: Time


class Answer(Question, Payload):
    """A question, answered, under the charter of this digest."""

    verdict: Reply
    because: Reason


class GivenAnswer(NamedTuple):
    """An answer, and the names of the stewards who signed it."""

    answer: Answer
    signers: tuple[str, ...]


def answer_payload(charter: SignedCharter, question: Question, verdict: Reply, because: str) -> bytes:
    """What is signed to answer the question.

    Raises:
        UsageError: something in it is not what an `Answer` takes.
    """
    fields = {**question.model_dump(), "charter": charter.digest, "verdict": verdict, "because": because}
    return written(made(Answer, fields))


def answer(
    charter: SignedCharter, question: Question, verdict: Reply, because: str, keys: Sequence[SigningKey]
) -> str:
    """The envelope of an answer to the question, signed by `keys`. Errors as `answer_payload`."""
    return seal_envelope(answer_payload(charter, question, verdict, because), ANSWER_TYPE, keys)


def claimed_answer(envelope: str, charter: SignedCharter, question: Question) -> Answer:
    """The answer in an envelope to that very question, with no signature looked at.

    Raises:
        TrustError: it is no answer, or answers another question or another charter's.
    """
    given = believed(envelope, ANSWER_TYPE, Answer, charter)
    for field, wanted in question.model_dump().items():
        if getattr(given, field) != wanted:
            raise TrustError(
                f"an answer with {field} {wanted!r} expected, got one with {getattr(given, field)!r}; "
                "it answers another question: answer this one"
            )
    return given


def verified_answer(envelope: str, charter: SignedCharter, question: Question, least: int) -> GivenAnswer:
    """The answer in an envelope to that very question, with those who gave it.

    To approve takes the charter's rule, and `least` approvers at the least, as thresholds ask; to deny takes any one
    steward, since saying no is stopping. Whether it came before `expires` is for the ledger to say.

    Raises:
        TrustError: too few signed it, or as `claimed_answer`.
    """
    given = claimed_answer(envelope, charter, question)
    return GivenAnswer(
        given, check_signed(envelope, ANSWER_TYPE, charter, rule_to_answer(charter, given.verdict, least))
    )


def rule_to_answer(charter: SignedCharter, verdict: Reply, least: int) -> Rule:
    """Who must sign an answer: any one steward says no, and as many as the rules and `least` ask say yes."""
    if verdict == "deny":
        return rule_for(charter.charter, "stop")
    return rule_for(charter.charter, "approve").with_approvers(least)
