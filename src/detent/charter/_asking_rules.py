"""What must hold for whoever is asked beside the team: judges, servers, proposers, a cluster."""

from collections.abc import Iterator, Mapping
from typing import Any

from detent.charter._faults import Fault, shown
from detent.charter.catalogue import Catalogue
from detent.values.serving import SAID, SERVER
from detent.values.space import SPACE

LEAST_TOKENS = 1024
"""Tokens of an answer in which some changes can be proposed, with a reason each."""


def judging_faults(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    """What a judge can do that nobody taught: read words, compare and score; it writes no marks."""
    feedback = sections["feedback"]
    if not feedback.compares:
        return
    said = f"with feedback.judge_source = {shown(feedback.judge_source)}"
    if feedback.forms != "words":
        yield Fault(
            ("feedback", "forms"),
            f'"words" expected {said}, got {shown(feedback.forms)}; signs have to be taught to a judge',
        )
    if feedback.filtered:
        yield Fault(
            ("feedback", "methods"),
            f'no "judge" expected {said}, got it; a say in which labels are kept has only a judge that writes marks: '
            'leave it out, or write judge_source = "taught"',
        )
    if {"dpo", "grpo"}.isdisjoint(feedback.methods):
        yield Fault(
            ("feedback", "methods"),
            f'"dpo" or "grpo", for which a judge is asked, expected {said}, got neither; add one',
        )


def server_faults(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    """A server that judges, teaches or proposes is the charter's and can be asked what it is asked; none is unused."""
    feedback, explore, servers = (sections[name] for name in ("feedback", "explore", "servers"))
    named = {
        ("feedback", "judge_source"): feedback.judge_source,
        ("feedback", "teacher"): feedback.teacher,
        ("explore", "server"): explore.server,
    }
    asked = {one.removeprefix(SERVER) for one in named.values() if one.startswith(SERVER)}
    for other in servers:
        if other not in asked:
            yield Fault(
                ("servers", other),
                f'feedback.judge_source = "server:{other}", or teacher, or explore.server, expected, got none; or '
                "remove it",
            )
    for place, name in named.items():
        if name.startswith(SERVER) and name.removeprefix(SERVER) not in servers:
            yield Fault(
                place,
                f"server:NAME of a server that [servers] names expected, got {shown(name)}; add that section",
            )
    for name in sorted(asked & servers.keys()):
        budget = servers[name].budget
        if bool(budget.money) and not (budget.price_in and budget.price_out):
            yield Fault(
                ("servers", name, "budget", "money"),
                "price_in and price_out above 0 beside it expected, got none; what tokens cost is not known otherwise",
            )
    if feedback.judge_server:
        yield from _serving_judge(feedback, servers)
    if (adviser := explore.model_server) in servers and servers[adviser].max_tokens < LEAST_TOKENS:
        yield Fault(
            ("servers", adviser, "max_tokens"),
            f"at least {LEAST_TOKENS} expected of a server that proposes changes, got {servers[adviser].max_tokens}; "
            "its answer would be cut",
        )
    if feedback.teacher and not (feedback.compares and "dpo" in feedback.methods):
        yield Fault(
            ("feedback", "teacher"),
            '"dpo" among the methods, and a judge in words, expected beside it, got one or neither; only there are '
            "answers compared: add them, or leave teacher out",
        )


def _serving_judge(feedback: Any, servers: Mapping[str, Any]) -> Iterator[Fault]:
    name, source = feedback.judge_server, shown(feedback.judge_source)
    if "grpo" in feedback.methods:
        yield Fault(
            ("feedback", "methods"),
            f'no "grpo" expected with feedback.judge_source = {source}, got it; a training has no network to ask its '
            'judge by: use "dpo"',
        )
    if name in servers and servers[name].verdicts != "logprobs" and feedback.least_odds > SAID:
        yield Fault(
            ("feedback", "least_odds"),
            f"at most {SAID:g} expected with servers.{name}.verdicts = {shown(servers[name].verdicts)}, got "
            f"{feedback.least_odds:g}; a verdict that is only said counts for {SAID:g}",
        )


def explore_faults(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    """What is tried must be allowed, and possible."""
    explore, changes = sections["explore"], sections["constraints"].changes
    known = {dimension.key for dimension in SPACE}
    if "data" not in changes:
        yield Fault(("constraints", "changes"), f'"data" among them expected, got {shown(list(changes))}')
    if sections["pace"].candidates > 1 and set(changes) == {"data"}:
        yield Fault(
            ("pace", "candidates"),
            '1 expected where constraints.changes = ["data"], got more; add "feedback" or "architecture" there',
        )
    if "architecture" in changes and sections["subject"].lora is not None:
        yield Fault(
            ("constraints", "changes"),
            'no "architecture" expected with subject.lora, got it; an adapter cannot be reshaped',
        )
    if ("model" in explore.proposers) != bool(explore.server):
        yield Fault(
            ("explore", "server"),
            f'"server:NAME" with "model" among explore.proposers, and neither without the other, expected, got '
            f"{shown(explore.server)}",
        )
    if explore.server and sections["pace"].candidates < 2:  # noqa: PLR2004  the plan as it is is one
        yield Fault(
            ("explore", "server"),
            f"nothing expected with pace.candidates = 1, where nothing is tried, got {shown(explore.server)}; raise "
            "candidates, or remove it",
        )
    for name in explore.settings:
        if name not in known:
            yield Fault(
                ("explore", "settings"), f"some of {', '.join(sorted(known))} expected, got {shown(name)}"
            )


def cluster_faults(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    run = sections["run"]
    if run.engine == "ray" and run.ray is None:
        yield Fault(
            ("run", "engine"),
            '"ray" beside a [run.ray] expected, got no such section; add it, with store = "file:///FOLDER"',
        )
    if run.engine != "ray" and run.ray is not None:
        yield Fault(
            ("run", "ray"), f'no [run.ray] expected with engine = {shown(run.engine)}; write engine = "ray"'
        )
    if run.engine == "ray" and sections["recipe"].carry_optimizer:
        yield Fault(
            ("recipe", "carry_optimizer"),
            'false expected with run.engine = "ray", got true; what optimizers remember is not sent to a cluster',
        )
    if run.ray is not None and run.device == "cuda" and not run.ray.gpus_per_job:
        yield Fault(
            ("run", "ray", "gpus_per_job"), 'a share of a GPU expected with device = "cuda", got 0; write 1.0'
        )
