"""What a worker does is told under a name for people, whatever it is."""

from typing import get_args

from detent.cli.running import PHASES
from detent.values.jobs import Phase


def test_every_phase_of_a_job_has_a_name_for_people() -> None:
    assert set(PHASES) == set(get_args(Phase))
