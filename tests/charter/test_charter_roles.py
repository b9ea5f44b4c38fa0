"""Who may do what: rules count different people for each role, and say who is missing."""

from typing import NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.charter.charter_texts import ADA, BOB, CATALOGUE, CYD, DEE, DRAFT, TEAM, charter_text

from detent.charter import Act, Role, Rule, Signer, judge, parse_charter, roles_of, rule_for

ACTS: tuple[Act, ...] = get_args(Act)
ROLES: tuple[Role, ...] = get_args(Role)
PEOPLE = ("ada", "bob", "cyd", "dee")
FOUR = (ADA, BOB, CYD, DEE)
CHARTER = parse_charter(charter_text(TEAM, FOUR), CATALOGUE)
ALONE = parse_charter(charter_text(), CATALOGUE)

RULES: dict[Act, str] = {
    "lease": "1 operators",
    "approve": "2 approvers and 1 safety",
    "resume": "1 safety",
    "rollback": "2 stewards",
    "lift": "2 stewards",
    "charter": "2 stewards",
    "stop": "1 stewards",
}


@pytest.mark.parametrize("act", ACTS)
def test_every_act_has_its_rule(act: Act) -> None:
    assert str(rule_for(CHARTER, act)) == RULES[act]


@pytest.mark.parametrize("act", ACTS)
def test_without_rules_every_act_takes_the_quorum(act: Act) -> None:
    assert rule_for(ALONE, act) == Rule({"steward": 1})


def test_roles_are_those_of_the_table_and_without_it_all() -> None:
    assert {name: set(roles_of(CHARTER, name)) for name in (*PEOPLE, "eve")} == {
        "ada": {"operator"},
        "bob": {"approver"},
        "cyd": {"approver", "safety"},
        "dee": {"auditor"},
        "eve": set(),
    }
    assert roles_of(ALONE, "ada") == set(ROLES)
    assert roles_of(ALONE, "eve") == set()


def test_a_role_that_the_table_leaves_out_is_nobodys_and_all_stay_stewards() -> None:
    charter = parse_charter(charter_text(DRAFT + '[stewards.roles]\napprover = ["ada"]\n'), CATALOGUE)
    assert roles_of(charter, "ada") == {"approver"}
    assert judge(charter, rule_for(charter, "lease"), ["ada"]).met


class Signed(NamedTuple):
    """An act, who signed for it, and how that stands."""

    act: Act
    names: tuple[str, ...]
    said: str
    met: bool = False


STANDINGS = {
    "nobody signs": Signed(
        "lift", (), "signed by 0/2 stewards; a valid signature is missing from ada, bob, cyd, dee"
    ),
    "an operator leases": Signed("lease", ("ada",), "signed by 1/1 operators", True),
    "all but the operator lease": Signed(
        "lease", ("bob", "cyd", "dee"), "signed by 0/1 operators; a valid signature is missing from ada"
    ),
    "two approvers, one of them safety, approve": Signed(
        "approve", ("bob", "cyd"), "signed by 2/2 approvers and 1/1 safety", True
    ),
    "one steward who holds two roles counts once for a rule of two approvers": Signed(
        "approve",
        ("cyd",),
        "signed by 1/2 approvers and 1/1 safety; a valid signature is missing from bob",
    ),
    "one approver and two others approve": Signed(
        "approve",
        ("ada", "bob", "dee"),
        "signed by 1/2 approvers and 0/1 safety; a valid signature is missing from cyd",
    ),
    "one steward signs twice": Signed(
        "rollback",
        ("ada", "ada"),
        "signed by 1/2 stewards; a valid signature is missing from bob, cyd, dee",
    ),
    "a stranger signs too": Signed(
        "rollback", ("ada", "eve"), "signed by 1/2 stewards; a valid signature is missing from bob, cyd, dee"
    ),
    "the recovery key signs too": Signed(
        "charter",
        ("ada", "recovery-1"),
        "signed by 1/2 stewards; a valid signature is missing from bob, cyd, dee",
    ),
    "an auditor stops": Signed("stop", ("dee",), "signed by 1/1 stewards", True),
}


@pytest.mark.parametrize("case", STANDINGS)
def test_a_standing_counts_people_and_says_who_is_missing(case: str) -> None:
    signed = STANDINGS[case]
    found = judge(CHARTER, rule_for(CHARTER, signed.act), signed.names)
    assert (str(found), found.met) == (signed.said, signed.met)


def test_thresholds_ask_for_more_approvers_and_never_for_fewer() -> None:
    assert str(Rule({"steward": 2}).with_approvers(1)) == "2 stewards and 1 approvers"
    assert str(rule_for(CHARTER, "approve").with_approvers(3)) == "3 approvers and 1 safety"
    for least in (0, 1, 2):
        assert rule_for(CHARTER, "approve").with_approvers(least) == rule_for(CHARTER, "approve")


NEEDS = st.dictionaries(st.sampled_from(get_args(Signer)), st.integers(1, 3), min_size=1)
NAMES = st.lists(st.sampled_from((*PEOPLE, "eve")))


@given(needs=NEEDS, names=NAMES, more=NAMES)
def test_more_signatures_never_meet_a_rule_less(
    needs: dict[Signer, int], names: list[str], more: list[str]
) -> None:
    before, after = (judge(CHARTER, Rule(needs), signed) for signed in (names, [*names, *more]))
    assert after.met or not before.met
    for signer, number in after.missing.items():
        assert number <= before.missing[signer]


@given(needs=NEEDS, names=NAMES)
def test_a_rule_is_met_by_as_many_people_as_it_asks_and_no_fewer(
    needs: dict[Signer, int], names: list[str]
) -> None:
    found = judge(CHARTER, Rule(needs), names)
    held = {signer: set(found.holders[signer]) & set(names) for signer in needs}
    assert found.met == all(len(held[signer]) >= number for signer, number in needs.items())
    assert found.met == (not found.missing)
    assert not set(found.unsigned) & set(names)
