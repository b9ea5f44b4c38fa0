"""A Hugging Face model card, filled in from a run's ledger: what an exported model is, and what nobody knows of it.

    >>> model_card(story, entries, charter, about).splitlines()[0]
    '---'

All names, sentences and file names in it are other people's words, a model's among them: `_markdown` writes them so
that they are nothing but text. What the ledger does not say (a licence, who may use it for what) the card does not
make up. Form: https://huggingface.co/docs/hub/model-cards.
"""

from collections.abc import Iterator, Sequence

from detent.charter import Charter
from detent.report import _words as words
from detent.report import rows
from detent.report._card_evidence import evaluations, gate, limits
from detent.report._card_told import About, Form, Told, measured_of
from detent.report._card_using import BASE, using, verifying
from detent.report._markdown import quoted, table, text
from detent.report.figures import Table
from detent.report.lineage import Ancestry, descent_of
from detent.report.story import Story
from detent.values import Entry, JudgeTrained, Profile, Reshaped, SubjectBuilt, Tuned
from detent.values.past import line as generations_to

ORIGINS = {
    "seed": "seed: true answers, from the task itself",
    "self": "self-made: the team's own answers",
    "lessons": "lessons for a judge",
    "corrections": "corrections: seed answers spoilt by rule, and their repair",
    "revised": "revised: the team's drafts, revised by itself",
    "principled": "revised by a principle of the constitution",
    "preferred": "preferences: of two answers, the judge's choice",
}
"""Where training examples came from."""

LICENCE = (
    "No licence is stated: a run's ledger does not know one. The base model's licence, and that of the data it was "
    "made from, bind this model too; add `license:` above before you publish it."
)


KINDS: dict[Form, str] = {
    "whole": "A causal language model",
    "adapter": "A LoRA adapter of a causal language model",
    "merged": "A causal language model, merged from a LoRA adapter and its base: the adapter",
}


def model_card(story: Story, entries: Sequence[Entry], charter: Charter, about: About) -> str:
    """README.md of the model's folder: YAML metadata, then what a reader of the model should know.

    Args:
        story: of the whole run.
        entries: the ledger's, which the story was told from.
        charter: the one that the generation was decided under.
        about: the model.
    """
    told = Told(story, charter, about, descent_of(entries, about.digest), measured_of(entries, about.digest))
    sections = (
        _metadata,
        _head,
        _making,
        _data,
        evaluations,
        gate,
        limits,
        _charter,
        verifying,
        using,
    )
    return "\n\n".join("\n".join(section(told)) for section in sections) + "\n"


def _metadata(told: Told) -> Iterator[str]:
    about = told.about
    yield "---"
    yield f"library_name: {'peft' if about.form == 'adapter' else 'transformers'}"
    yield "pipeline_tag: text-generation"
    if about.hub:
        yield f"base_model: {quoted(about.hub[0])}"
        yield f"base_model_relation: {'adapter' if about.form == 'adapter' else 'finetune'}"
    yield "tags:"
    yield from (
        f"- {tag}"
        for tag in (
            "detent",
            "self-improvement",
            *(["lora"] if about.adapted else []),
            *([] if about.promoted else ["not-promoted"]),
        )
    )
    if told.measured is not None:
        yield from _index(told, told.measured.profile)
    yield "---"


def _index(told: Told, profile: Profile) -> Iterator[str]:
    """`model-index`, which hubs show: the mean share right over each task's levels."""
    yield "model-index:"
    yield f"- name: {quoted(_name(told))}"
    yield "  results:"
    for task in profile.scores:
        yield from (
            "  - task:",
            "      type: text-generation",
            "    dataset:",
            f"      name: {quoted(f'{task}, levels 1 to {len(profile.scores[task])}')}",
            f"      type: {quoted(task)}",
            "    metrics:",
            "    - type: accuracy",
            f"      value: {profile.task_ladder(task):.4f}",
            f"      name: {quoted('mean share right over levels, exact match, ' + _kind(told))}",
        )


def _name(told: Told) -> str:
    return f"{told.story.name}, generation {told.about.generation}"


def _kind(told: Told) -> str:
    fresh = told.measured is not None and told.measured.purpose == "fresh"
    return "fresh problems" if fresh else "problems in the open"


def _head(told: Told) -> Iterator[str]:
    about = told.about
    yield f"# {text(_name(told))}"
    yield ""
    yield (
        f"{KINDS[about.form]} (`{about.digest}`) from a self-improvement loop run by Detent. Everything below was "
        "filled in from the run's ledger, and can be checked against it."
    )
    if not about.promoted:
        yield ""
        yield (
            "> **Never promoted.** The gate did not show that this model is better than the one before it, or people "
            "did not let it take its place. It was exported on explicit request."
        )
    if about.withdrawn:
        yield ""
        yield f"> **Withdrawn.** {text(about.withdrawn)}"
    yield ""
    yield f"Purpose, in the words of the charter: {text(told.story.purpose)}"
    yield ""
    yield LICENCE


def _making(told: Told) -> Iterator[str]:
    about, line = told.about, told.ancestry
    yield "## How it was made"
    yield ""
    yield f"- Base model: {_base(told)}, digest `{line.base}`"
    if (adapted := about.adapted) is not None:
        layers = ", ".join(map(text, adapted.layers))
        yield f"- Adapter: LoRA of rank {adapted.rank}, alpha {adapted.alpha:g}, on {layers}; the base is unchanged"
        if adapted.named == BASE:
            yield "- The base lies in the folder `base`, file by file as that digest says"
        if adapted.merged:
            yield "- Merged: the adapter was added to the base's weights in float32, and stored in the base's precision"
    yield f"- Architecture: {text(about.architecture)}"
    if line.models:
        yield f"- Parameters: {words.count(line.models[0].parameters)}, trained in {text(_precision(line))}"
        yield f"- Compute of its line's training: {line.flops:.3g} floating point operations"
    yield from _changed(told)
    yield ""
    yield "Its line, from the base to this model:"
    yield ""
    yield from table(
        Table(("generation", "model", "how", "steps", "operations"), tuple(_line(line)), numbers=3)
    )


def _changed(told: Told) -> Iterator[str]:
    """What the loop changed beside the data on the way to this model; nothing where it changed nothing."""
    history, last = told.story.state.history, told.about.generation
    before = (
        [turn for turn in told.story.turns if turn.generation in generations_to(history, last)]
        if last in history
        else []
    )
    changes = [
        (turn.generation, turn.change)
        for turn in before
        if turn.change is not None and (turn.promoted or turn.generation == last)
    ]
    if not changes:
        return
    yield ""
    yield (
        "What the loop changed beside the data on the way to it. A shape stays; a setting is in force instead of the "
        "charter's until another change, or an amendment:"
    )
    yield ""
    yield from (
        f"- generation {generation}, {change.kind}, proposed by {change.by}: {text(change.said)}"
        for generation, change in changes
    )


def _precision(line: Ancestry) -> str:
    return next((made.precision for made in line.models if not isinstance(made, Reshaped)), "nothing")


def _base(told: Told) -> str:
    about = told.about
    if about.hub:
        return f"{text(about.hub[0])}, revision {text(about.hub[1])}"
    if about.base == "built":
        return "none: an untrained model of the charter's shape"
    return f"the folder that the charter calls {text(about.base)}"


def _line(line: Ancestry) -> Iterator[tuple[str, ...]]:
    for made in reversed(line.models):
        how = (
            words.METHODS[made.method]
            if isinstance(made, Tuned)
            else "lessons for a judge"
            if isinstance(made, JudgeTrained)
            else "seed data"
            if isinstance(made, SubjectBuilt)
            else f"reshaped: {made.edit.said}"
            if isinstance(made, Reshaped)
            else "its generation's mix of data"
        )
        yield (
            str(made.generation),
            words.short(made.digest),
            how,
            words.count(0 if isinstance(made, Reshaped) else made.steps),
            f"{made.flops:.3g}",
        )


def _data(told: Told) -> Iterator[str]:
    yield "## Training data"
    yield ""
    made = told.ancestry.data
    if not made:
        yield "None: the ledger names no data that this model or the models before it were taught."
        return
    yield "What this model or a model before it was taught, by generation, task and origin. A file that is named may"
    yield "have been used in part: how much of each batch came from it stands on the ledger. The files are the run's"
    yield "own, in `data/`, under these SHA-256."
    yield ""
    found = tuple(
        (
            str(one.generation),
            task,
            ORIGINS.get(one.origin.source, one.origin.source),
            words.count(sum(levels.values())),
            words.span(sorted(map(int, levels))) if levels else rows.UNKNOWN,
            words.short(one.digest),
        )
        for one in made
        for task, levels in one.counts.items()
    )
    yield from table(Table(("generation", "task", "origin", "examples", "levels", "file"), found, numbers=3))
    yield ""
    yield "No true answer above the seed levels was used, as far as the ledger tells; self-made answers can be wrong."


def _charter(told: Told) -> Iterator[str]:
    charter, (version, digest) = told.charter, told.about.charter
    keys = [key.split("+")[:2] for key in charter.stewards.keys]
    yield "## The charter"
    yield ""
    yield "What was allowed, and who decided, stands in a document that stewards signed."
    yield ""
    yield f"- Name: {text(charter.name)}, version {version}, SHA-256 `{digest}`"
    yield f"- Stewards, {charter.stewards.quorum} of whom must sign: " + "; ".join(
        f"{text(name)} (key {text(key)})" for name, key in keys
    )
    bounds = charter.constraints
    yield f"- Chance that any promotion of the run was false: at most {words.small(bounds.error_budget)}"
    yield f"- A promotion may cost a task at most {100 * bounds.non_inferiority_margin:.1f} points"
    tasks = ", ".join(f"{text(task)} {top}" for task, top in charter.direction.improve.items())
    yield f"- Tasks, with the top level of each: {tasks}"
