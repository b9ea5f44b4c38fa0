"""The model card: filled in from the ledger, and nothing but text whatever a charter or a model says."""

import json
from functools import cache
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from huggingface_hub.repocard_data import model_index_to_eval_results
from markdown_it import MarkdownIt
from tests.charter.charter_texts import CATALOGUE, charter_text
from tests.report.explored_run import GENERATION, explored
from tests.report.synthetic_run import BUDGET, EVENTFUL, TOP, Words, ledger

from detent.charter import Charter, parse_charter
from detent.report import About, model_card, tell
from detent.report._words import clip, plain
from detent.report.wilson import wilson
from detent.values import (
    Answered,
    CandidateTrained,
    DataMade,
    Decided,
    Entry,
    OutcomeWritten,
    Profiled,
    Requested,
    Score,
)

ATTACKS = {
    "an element": "<script>alert(1)</script>",
    "a link": "[click](javascript:alert(1))",
    "a picture that tells who reads": "![x](https://example.org/pixel.png)",
    "a bare address": "see https://example.org and www.example.org",
    "an automatic link": "<https://example.org>",
    "a heading after a line's end": "x\n# Verified by everybody\n",
    "the end of the metadata": "x\n---\nlicense: mit\n---\n",
    "another key in the metadata": 'x"\nlicense: mit\nx: "',
    "a tag of the YAML parser": "!!python/object/apply:os.system ['true']",
    "an anchor and an alias": "&a [*a]",
    "another cell": "x | y | z",
    "a cell behind a backslash": "x \\| y \\\\| z",
    "a code span that runs on": "`x",
    "a fence": "x\n```\ny",
    "emphasis": "**never** _promoted_ ~~withdrawn~~",
    "a comment that hides the rest": "<!-- ",
    "an entity": "&lt;b&gt; &#60;b&#62;",
    "a formula": "$\\href{javascript:alert(1)}{x}$",
    "a footnote and a mention": "[^1] @everyone #1",
    "writing from right to left": "\u202e<tpircs>",
    "a terminal's control sequence": "\x1b]0;owned\x07\x1b[2J",
    "a next line that YAML knows": "x\x85license: mit\u2028license: mit",
    "a list": "- x",
    "a numbered list": "1. x",
    "very long": "W" * 5000,
    "signs beyond the first plane": "\U0001f600 \U000e0001",
}

DIGEST = "d" * 64


def charter(name: str = "small", purpose: str = "For tests") -> Charter:
    text = charter_text().replace('"small"', json.dumps(name)).replace('"For tests"', json.dumps(purpose))
    return parse_charter(text, CATALOGUE)


def about(digest: str, generation: int, **more: Any) -> About:
    fields: dict[str, Any] = {
        "promoted": True,
        "withdrawn": "",
        "files": (("config.json", 12, "a" * 64), ("model.safetensors", 1234, "b" * 64)),
        "architecture": "SmolLM3ForCausalLM",
        "base": "built",
        "charter": (1, "c" * 64),
        "log_key": "detent/small/5e5e+00000000+AAAA",
        "size": 99,
        "root": "e" * 64,
    }
    return About(digest=digest, generation=generation, **(fields | more))


def card(
    entries: list[Entry], one: Decided, words: Words | None = None, purpose: str = "p", **more: Any
) -> str:
    tasks = (words or Words()).tasks
    name = words.passed if words else "digits"
    story = tell(entries, name, purpose, dict.fromkeys(tasks, 15))
    return model_card(story, entries, charter(), about(one.candidate, one.generation, **more))


@cache
def run() -> list[Entry]:
    return ledger(8, EVENTFUL)


def decided(entries: list[Entry], decision: str, last: bool = True) -> Decided:
    found = [
        one for one in entries if isinstance(one, Decided) and one.decision == decision and one.generation
    ]
    return found[-1 if last else 0]


def metadata(text: str) -> dict[str, Any]:
    _, head, _ = text.split("---\n", 2)
    found = yaml.safe_load(head)
    assert isinstance(found, dict)
    return found


def markdown(text: str) -> list[Any]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text.split("---\n", 2)[2])


def shape(text: str) -> list[str]:
    """What a reader of Markdown makes of it, without the words: elements in order, those inside lines too."""
    found = []
    for token in markdown(text):
        found.append(token.type)
        found += [one.type for one in token.children or () if one.type not in {"text", "text_special"}]
    return found


def shown(text: str) -> list[str]:
    """The words of each line and cell, as a reader sees them."""
    return [
        "".join(one.content for one in token.children) for token in markdown(text) if token.type == "inline"
    ]


def hostile(attack: str) -> Words:
    tasks = (f"{attack}1", f"{attack}2", f"{attack}3")
    return Words(tasks, attack, attack, attack, attack, attack, attack, {attack: attack})


@cache
def saying(said: str, decision: str) -> str:
    """The card of a run in which everybody says that."""
    words = hostile(said)
    entries = ledger(3, EVENTFUL, words)
    more = {"architecture": said, "base": said, "withdrawn": said, "hub": (said, said), "log_key": said}
    return card(entries, decided(entries, decision), words, said, promoted=False, **more)


def keys(value: Any) -> Any:
    """A document's form without its strings."""
    if isinstance(value, dict):
        return {name: keys(one) for name, one in value.items()}
    if isinstance(value, list):
        return [keys(one) for one in value]
    return type(value).__name__


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("decision", ["promote", "carry"])
def test_whatever_is_said_the_card_has_the_same_form(attack: str, decision: str) -> None:
    quiet, loud = saying("word", decision), saying(ATTACKS[attack], decision)
    assert shape(loud) == shape(quiet)
    assert keys(metadata(loud)) == keys(metadata(quiet))


@pytest.mark.parametrize("attack", ATTACKS)
def test_whatever_is_said_is_shown_as_it_is(attack: str) -> None:
    said = ATTACKS[attack]
    entries = run()
    lines = shown(card(entries, decided(entries, "promote"), None, said))
    expected = clip(plain(said), 1000)
    assert f"Purpose, in the words of the charter: {expected}".rstrip() in [line.rstrip() for line in lines]


def test_the_metadata_is_what_a_hub_reads() -> None:
    entries = run()
    one = decided(entries, "promote")
    found = metadata(card(entries, one, hub=("org/model", "f" * 40)))
    assert (found["library_name"], found["pipeline_tag"]) == ("transformers", "text-generation")
    assert found["base_model"] == "org/model"
    name, results = model_index_to_eval_results(found["model-index"])
    assert name == f"digits, generation {one.generation}"
    fresh = [e.profile for e in entries if isinstance(e, Profiled) and e.profile.subject == one.candidate]
    assert {each.dataset_type: each.metric_value for each in results} == {
        task: round(fresh[-1].task_ladder(task), 4) for task in TOP
    }


def test_a_base_that_is_no_hub_s_is_not_named_as_one() -> None:
    entries = run()
    assert "base_model" not in metadata(card(entries, decided(entries, "promote"), base="my/folder"))


def test_no_licence_is_made_up() -> None:
    entries = run()
    text = card(entries, decided(entries, "promote"))
    assert "license" not in metadata(text)
    assert "No licence is stated" in text


def test_every_level_stands_with_its_counts_and_wilson_s_interval() -> None:
    entries = run()
    one = decided(entries, "promote")
    (fresh,) = (
        e.profile
        for e in entries
        if isinstance(e, Profiled) and e.purpose == "fresh" and e.profile.subject == one.candidate
    )
    lines = card(entries, one).splitlines()
    for task, scores in fresh.scores.items():
        for level, score in enumerate(scores, start=1):
            (row,) = (
                line
                for line in lines
                if line.startswith(f"| {task} | {level} | {score.right} | {score.asked} |")
            )
            assert " to " in row


def test_the_gate_s_evidence_is_the_ledger_s() -> None:
    entries = run()
    one = decided(entries, "promote")
    (outcome,) = (
        e.outcome for e in entries if isinstance(e, OutcomeWritten) and e.generation == one.generation
    )
    text = card(entries, one)
    for result in outcome.results:
        assert f"{result.log_e:.2f} |" in text
    assert outcome.gain is not None
    assert f"{outcome.gain.items:,} items" in text


def test_lineage_counts_the_data_of_the_model_and_of_those_before_it_and_no_other() -> None:
    entries = run()
    one = decided(entries, "promote")
    made = {e.digest: e for e in entries if isinstance(e, CandidateTrained)}
    wanted: set[str] = set()
    digest = one.candidate
    while digest in made:
        wanted |= {source.data for source in made[digest].data}
        digest = made[digest].parent
    files = [e for e in entries if isinstance(e, DataMade)]
    rows = [line for line in card(entries, one).splitlines() if line.count("|") == 7 and "self-made" in line]
    shown_files = {row.split("|")[6].strip() for row in rows}
    known = {file.digest for file in files if file.origin.source == "self"}
    assert shown_files == {digest[:8] for digest in wanted & known}
    for file in files:
        if file.digest in wanted and file.origin.source == "self":
            for task, levels in file.counts.items():
                total = f"{sum(levels.values()):,}"
                assert any(task in row and total in row and file.digest[:8] in row for row in rows)


def test_a_model_that_was_never_promoted_says_so_first() -> None:
    entries = run()
    text = card(entries, decided(entries, "carry"), promoted=False)
    assert text.index("**Never promoted.**") < text.index("## How it was made")
    assert "not-promoted" in metadata(text)["tags"]
    assert "the only ones it was asked" in text
    assert "Never promoted" not in card(entries, decided(entries, "promote"))


def test_the_first_model_was_asked_nothing_at_the_gate() -> None:
    entries = run()
    first = next(e for e in entries if isinstance(e, Decided))
    assert "generation 0 is the first model" in card(entries, first)


def test_what_people_were_told_nobody_checked_stands_in_the_card() -> None:
    entries = run()
    one = decided(entries, "promote")
    asked = Requested(
        number=1,
        candidate=one.candidate,
        reasons=("forgetting: too much",),
        unchecked=("what it says about <cats>",),
        approvers=1,
        expires="2030-01-01T00:00:00Z",
        at=one.at,
        generation=one.generation,
    )
    approved = Answered(
        request=1,
        verdict="approve",
        because="looked at it",
        signers=("ada",),
        seconds=1.0,
        envelope="{}",
        at=one.at,
        generation=one.generation,
    )
    place = entries.index(one)
    text = card([*entries[:place], asked, approved, *entries[place:]], one)
    assert "- not checked: what it says about &lt;cats&gt;" in text


def test_stewards_are_named_with_their_key_ids() -> None:
    entries = run()
    text = card(entries, decided(entries, "promote"))
    key = charter().stewards.keys[0].split("+")
    assert f"{key[0]} (key {key[1]})" in text


@pytest.mark.parametrize(
    ("score", "low", "high"),
    [
        (Score(0, 10), 0.0, 0.2775),
        (Score(81, 263), 0.2553, 0.3662),
        (Score(10, 10), 0.7225, 1.0),
        (Score(0, 0), 0.0, 1.0),
    ],
)
def test_wilson_s_interval_is_that_of_the_books(score: Score, low: float, high: float) -> None:
    assert wilson(score) == pytest.approx((low, high), abs=2e-4)


def test_budget_of_the_run_is_the_charter_s() -> None:
    entries = run()
    assert f"at most {BUDGET:.3f}".replace("0.", ".") in card(entries, decided(entries, "promote"))


def test_the_card_lists_what_the_loop_changed_beside_the_data() -> None:
    entries = explored()
    one = next(entry for entry in entries if isinstance(entry, Decided) and entry.generation == GENERATION)
    said = f"- generation {GENERATION}, architecture, proposed by rules: rotary positions off in every layer"
    assert said in card(entries, one).splitlines()
    assert "changed beside the data" not in card(run(), decided(run(), "promote"))
