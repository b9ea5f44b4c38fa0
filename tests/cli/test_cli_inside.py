"""A look inside real models: a run's generation against the one before, the untouched copy, and another seed."""

import pytest
from tests.cli.tiny_run import Machine, content, entries

from detent.assembly import Looked, look_inside
from detent.assembly.looking import not_zero
from detent.interpret.pack import SECTIONS
from detent.values import Decided, Interpreted
from detent.values.inside import Probes, Words

EVERY = tuple(SECTIONS)


@pytest.fixture(scope="module")
def machine(finished: Machine, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return finished.copy(tmp_path_factory.mktemp("inside") / "machine")


@pytest.fixture(scope="module")
def looked(machine: Machine) -> tuple[Looked, list[str], bool]:
    """Generation 1 with its control, what was said, and whether the run folder stayed as it was."""
    before, said = content(machine.run), list[str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_DATA", str(machine.data))
        found = look_inside(machine.run, 1, None, EVERY, control=True, say=said.append)
    return found, said, content(machine.run) == before


def words(found: Interpreted | None) -> Words:
    assert found is not None
    assert isinstance(found.words, Words)
    return found.words


def test_every_section_has_figures_or_a_reason(looked: tuple[Looked, list[str], bool]) -> None:
    found = looked[0].found
    assert {*found.sections, *found.absent} == set(EVERY)
    assert {"layers", "weights", "lens", "words", "probes"} <= {*found.sections}
    assert words(found).divergence > 0


def test_it_is_the_candidate_of_record_against_what_it_had_to_beat(
    machine: Machine, looked: tuple[Looked, list[str], bool]
) -> None:
    first, second = (one for one in entries(machine.run) if isinstance(one, Decided))
    assert (looked[0].before, looked[0].after) == (first.incumbent, second.candidate)
    assert (looked[0].generation, looked[0].against) == (1, 0)


def test_the_untouched_copy_reads_zero(looked: tuple[Looked, list[str], bool]) -> None:
    copy = looked[0].copy
    assert not_zero(copy) == ""
    assert (words(copy).divergence, words(copy).flips) == (0.0, 0.0)


def test_another_seed_of_the_same_training_is_another_model_that_is_as_far_away(
    looked: tuple[Looked, list[str], bool],
) -> None:
    found = looked[0]
    ratio = words(found.control).divergence / words(found.found).divergence
    assert 0.1 < ratio < 10
    assert words(found.control) != words(found.found)
    assert "trains generation 1 again with another seed: 40 steps" in looked[1][-1]


def test_the_place_of_an_answer_is_read_from_the_first_models_layers(
    looked: tuple[Looked, list[str], bool],
) -> None:
    """A model that was taught to copy knows where it is: the reading beats its chance and its control."""
    probes = looked[0].found.probes
    assert isinstance(probes, Probes)
    assert probes.models == (looked[0].before, looked[0].after)
    best = max(
        (one for one in probes.probes if one.trait == "position"), key=lambda one: one.accuracy[0] or 0.0
    )
    assert (best.accuracy[0] or 0.0) > max(best.chance, best.shuffled) + 0.2


def test_nothing_was_written_into_the_run_folder(looked: tuple[Looked, list[str], bool]) -> None:
    assert looked[2]
