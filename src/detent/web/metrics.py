"""`/metrics`, as Prometheus reads it: what each run has come to, and what this server did.

    detent_generations_closed{run="demo"} 8
    detent_ladder_score{run="demo"} 0.925

Runs' figures are read from the ledger when they are asked for; nothing is counted beside it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from detent.assembly.clock import now
from detent.errors import DetentError
from detent.values import State, Watched
from detent.web.guarding import Counts
from detent.web.house import House, Room
from detent.web.limiting import Seats

STATES = ("ready", "running", "waiting", "paused", "halted", "lease_spent", "finished")

GAUGES = {
    "detent_run_readable": "1 while the run's ledger can be read on, 0 while it cannot.",
    "detent_run_active": "1 while a living process holds the run's ledger.",
    "detent_generation": "The newest closed generation; 0 is the first model.",
    "detent_ladder_score": "Ladder score of the model in force on fresh problems, from 0 to 1.",
    "detent_ladder_score_start": "Ladder score of the first measured incumbent, from 0 to 1.",
    "detent_lease_generations_left": "Generations that are granted, not spent and not expired.",
    "detent_lease_petaflop_left": "Compute left of the lease that pays next, in 1e15 floating point operations.",
    "detent_error_budget_total": "The whole run's error budget, a probability.",
    "detent_error_budget_spent": "What openings of the seal have spent of it.",
    "detent_requests_waiting": "Questions that wait for a person's answer.",
    "detent_held": "1 while people or a tripwire hold the run: paused or halted.",
    "detent_ledger_entries": "Entries of the newest checkpoint.",
    "detent_ledger_entries_read": "Entries of it that this server has read.",
    "detent_ledger_newest_entry_age_seconds": "Seconds since the newest entry was written.",
}
COUNTERS = {
    "detent_generations_closed": "Generations closed since the run began, generation 0 among them.",
    "detent_promotions": "Generations whose candidate came into force, generation 0 not among them.",
    "detent_openings": "Openings of the seal.",
    "detent_requests": "Questions that people were asked.",
    "detent_training_petaflop": "Compute since generation 0, in 1e15 floating point operations.",
}


def router(house: House, counts: Counts, seats: Seats) -> APIRouter:
    """The one address that Prometheus asks."""
    routes = APIRouter(include_in_schema=False)
    registry = CollectorRegistry()
    registry.register(Figures(house, counts, seats))

    @routes.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


class Figures(Collector):
    """All figures, as they are when they are asked for."""

    def __init__(self, house: House, counts: Counts, seats: Seats) -> None:
        self._house, self._counts, self._seats = house, counts, seats
        self._fired: dict[str, tuple[int, dict[str, int]]] = {}

    def describe(self) -> list[Metric]:
        """Nothing: asking for names would read every run."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family with a sample for each run."""
        figures = {room.name: _figures(room) for room in self._house.rooms}
        for name, said in GAUGES.items():
            gauge = GaugeMetricFamily(name, said, labels=["run"])
            for run, found in figures.items():
                if found.get(name) is not None:
                    gauge.add_metric([run], found[name])
            yield gauge
        for name, said in COUNTERS.items():
            counter = CounterMetricFamily(name, said, labels=["run"])
            for run, found in figures.items():
                if found.get(name) is not None:
                    counter.add_metric([run], found[name])
            yield counter
        yield self._states(figures)
        yield self._wires()
        yield from self._own()

    def _states(self, figures: dict[str, dict[str, Any]]) -> Metric:
        states = GaugeMetricFamily("detent_run_state", "1 for where the run stands.", labels=["run", "state"])
        for run, found in figures.items():
            for state in STATES:
                states.add_metric([run, state], float(found.get("state") == state))
        return states

    def _wires(self) -> Metric:
        said = "Closed generations in which a tripwire fired, by its name."
        fired = CounterMetricFamily("detent_tripwire_fired", said, labels=["run", "tripwire"])
        for room in self._house.rooms:
            for wire, times in self._fired_in(room).items():
                fired.add_metric([room.name, wire], times)
        return fired

    def _fired_in(self, room: Room) -> dict[str, int]:
        """Counted on from where it was counted to: closed generations do not change."""
        history = room.state.history
        seen, found = self._fired.get(room.name, (0, {}))
        for generation in range(seen, len(history)):
            watched = history[generation].get("watch/v1")
            for reading in watched.readings if isinstance(watched, Watched) else ():
                found = found | {reading.wire: found.get(reading.wire, 0) + reading.fired}
        self._fired[room.name] = len(history), found
        return found

    def _own(self) -> Iterator[Metric]:
        about = GaugeMetricFamily("detent_server_info", "1, with the server's version.", labels=["version"])
        about.add_metric([version("detent")], 1.0)
        yield about
        answers = CounterMetricFamily(
            "detent_server_responses", "Answers of this server, by HTTP status.", labels=["status"]
        )
        for status, times in sorted(self._counts.answered.items()):
            answers.add_metric([str(status)], times)
        yield answers
        refused = CounterMetricFamily(
            "detent_server_refusals",
            "Requests that the server's guard refused, by reason.",
            labels=["reason"],
        )
        for reason, times in sorted(self._counts.refused.items()):
            refused.add_metric([reason], times)
        yield refused
        yield GaugeMetricFamily("detent_server_streams", "Event streams that are open.", self._seats.taken)


def _figures(room: Room) -> dict[str, Any]:
    """A run's figures by name; a run that cannot be read at all has two."""
    view = room.view
    found: dict[str, Any] = {
        "detent_run_readable": float(not view.fault),
        "detent_run_active": float(view.running),
    }
    try:
        status = room.status()
    except DetentError:
        return found | {"detent_run_readable": 0.0}
    state, lease, budget = view.state, status["lease"], status["error_budget"]
    return found | {
        "state": status["state"],
        "detent_generation": status["generation"],
        "detent_ladder_score": status["ladder"]["now"],
        "detent_ladder_score_start": status["ladder"]["start"],
        "detent_lease_generations_left": lease["left"],
        "detent_lease_petaflop_left": lease["petaflop_left"],
        "detent_error_budget_total": budget["total"],
        "detent_error_budget_spent": budget["spent"],
        "detent_requests_waiting": float(status["request"] is not None),
        "detent_held": float(status["hold"] is not None),
        "detent_ledger_entries": view.size,
        "detent_ledger_entries_read": state.entries,
        "detent_ledger_newest_entry_age_seconds": _age(state),
        "detent_generations_closed": len(state.history),
        "detent_promotions": state.promoted,
        "detent_openings": state.openings,
        "detent_requests": state.requests,
        "detent_training_petaflop": state.flops / 1e15,
    }


def _age(state: State) -> float | None:
    """Seconds; a clock that was set back since makes it 0."""
    try:
        newest, at = (datetime.fromisoformat(text) for text in (state.latest_at, now()))
    except ValueError:
        return None
    if newest.tzinfo is None:
        newest = newest.replace(tzinfo=UTC)
    return max((at - newest).total_seconds(), 0.0)
