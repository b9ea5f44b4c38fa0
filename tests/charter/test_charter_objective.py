"""What a charter promotes: better ones, or smaller ones that are as good too."""

import pytest
from tests.charter.charter_faults import Bad, after, faults
from tests.charter.charter_texts import CATALOGUE, DRAFT

from detent.charter import parse_draft
from detent.oversight import rules_of


def told(text: str) -> str:
    return DRAFT.replace(*after(text))


def test_without_a_word_only_what_is_better_is_promoted() -> None:
    draft = parse_draft(DRAFT, CATALOGUE)
    assert draft.direction.objective == "better"
    assert rules_of(draft, None).least_saving is None


def test_smaller_ones_are_promoted_where_the_charter_says_so_by_its_least_saving() -> None:
    usual = parse_draft(told('objective = "better_or_smaller"'), CATALOGUE)
    assert rules_of(usual, None).least_saving == 0.05
    half = parse_draft(told('objective = "better_or_smaller"\nleast_saving = 0.5'), CATALOGUE)
    assert rules_of(half, None).least_saving == 0.5


FAULTS: dict[str, Bad] = {
    "an objective that there is not": Bad(
        *after('objective = "smaller"'),
        '12: direction.objective: "better" or "better_or_smaller" expected, got "smaller"',
    ),
    "a saving of nothing": Bad(
        *after('objective = "better_or_smaller"\nleast_saving = 0.0'),
        "13: direction.least_saving: a number between 0 and 1 expected, got 0.0",
    ),
    "a saving of everything": Bad(
        *after('objective = "better_or_smaller"\nleast_saving = 1.0'),
        "13: direction.least_saving: a number between 0 and 1 expected, got 1.0",
    ),
    "a saving that nothing asks for": Bad(
        *after("least_saving = 0.1"),
        '12: direction.least_saving: nothing expected with objective = "better", got 0.1',
        'write objective = "better_or_smaller"',
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_an_objective_that_means_nothing_is_refused_with_its_line(case: str) -> None:
    bad = FAULTS[case]
    (line,) = faults(DRAFT.replace(bad.old, bad.new))
    assert line.startswith(bad.begins)
    assert bad.says in line
