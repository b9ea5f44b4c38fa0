"""Run an example for a language model: init, run, verify and replay, by the commands that a person would type.

    python examples/run_example.py gym --folder my-gym               # the model that was fetched, as its charter says
    python examples/run_example.py gym --tiny --folder tiny-gym      # a model made on the spot, on a processor, minutes

With `--tiny` the charter keeps its lines and gets other values, listed below by key: smaller numbers, and a server on
this machine that plays the judge. The model is a Qwen 2 of 0.1 million parameters that was taught some of what the
tasks ask, with a full stop after each answer: so it half knows what is right, and learns how to write it. What such a
model learns says nothing; that everything works is what it shows. The folder gets `home` (charter and model), `data`
(keys) and `run`; without `--tiny` keys lie where yours always do.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import MappingProxyType, ModuleType

HERE = Path(__file__).parent
MODEL = "qwen"
"""The folder of the model, as both charters say."""

KEY, KEY_VARIABLE = "a-key-that-opens-nothing", "JUDGE_KEY"

NOT_ALL_AGAIN = 16
"""How `replay` ends where nothing differs, and a server's answers cannot be made again."""

Pairs = Sequence[tuple[str, str]]
"""Prompts with answers."""

SMALL: Mapping[str, str] = MappingProxyType(
    {
        "pace.lease": "{ generations = 1, hours = 1, petaflop = 0.1 }",
        "pace.max_gain_per_generation": "0.9",  # nobody is there to be asked
        "constraints.non_inferiority_margin": "0.3",
        "constraints.mastery_floor": "0.5",
        "constraints.error_budget": "0.5",  # so that a gate can pass, or not, with a few items
        "subject.lora": "{ rank = 8, alpha = 16.0 }",
        "subject.answer_tokens": "12",
        "recipe.seed_problems": "60",
        "recipe.seed_steps": "1",
        "recipe.steps": "40",
        "recipe.batch": "16",
        "recipe.other_rate": "2e-2",
        "recipe.profile_problems": "32",
        "recipe.audit": "20",
        "recipe.least_accuracy": "0.0",  # it is hardly ever right
        "recipe.label_prompts": "40",
        "recipe.label_keep": "20",
        "recipe.confidence": "0.0",
        "recipe.review_prompts": "10",
        "recipe.mix": "{ newest = 0.1, earlier = 0.1, seed = 0.8 }",
        "gate.items": "{ superiority = 200, non_inferiority = 100 }",
        "tripwires.label_avalanche.action": '"record"',  # most of its labels are wrong
        "run.threads": "2",
        "run.device": '"cpu"',
    }
)
"""Values of any tiny form, by the charter's keys."""


@dataclass(frozen=True)
class Example:
    """What is particular to one. tiny: values beside SMALL. lessons: what its tiny model is taught beforehand.

    files: writes fewer rows into a folder. judged: whether a server is asked. replayed: how `replay` may end.
    """

    tiny: Mapping[str, str]
    lessons: Callable[[], Pairs]
    files: Callable[[Path], None] = lambda _: None
    judged: bool = False
    replayed: int = 0


def _sums() -> Pairs:
    rng = Random(9)  # noqa: S311  lessons, no secrets
    sums = [(rng.randint(0, 9), rng.randint(0, 9)) for _ in range(200)]
    return [
        (f"State the final answer to the following arithmetic problem: {one} + {two} =", str(one + two))
        for one, two in sums
    ]


def _make_rows() -> ModuleType:
    """The example's own script."""
    found = importlib.util.spec_from_file_location("make_rows", HERE / "served" / "make_rows.py")
    if found is None or found.loader is None:
        raise SystemExit("make_rows.py expected in examples/served, got none; take the example whole")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _conversions() -> Pairs:
    return [(one["prompt"], one["answer"]) for one in _make_rows().rows(600, seed=9) if one["level"] == 1]


EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {
        "gym": Example(
            tiny={"direction.improve": '{ "gym:chain_sum" = 2, "gym:spell_backward" = 2 }'},
            lessons=_sums,
        ),
        "served": Example(
            tiny={
                "direction.improve": "{ conversions = 2 }",
                "tasks.conversions.openings": "1",
                "feedback.anchors": "10",
                "feedback.probes": "12",
                "feedback.pairs": "12",
                "feedback.samples": "3",
                "feedback.flips": "10",
                "feedback.least_odds": "0.0",
                "feedback.dpo_steps": "2",
            },
            lessons=_conversions,
            files=lambda folder: _make_rows().write(folder, many=900, probes=40),
            judged=True,
            replayed=NOT_ALL_AGAIN,
        ),
    }
)


def main(words: Sequence[str] | None = None) -> None:
    """Run one; ends with an error where a command does not end as it should."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=list(EXAMPLES))
    parser.add_argument("--tiny", action="store_true", help="a model made on the spot, on a processor")
    parser.add_argument("--folder", type=Path, required=True, help="a new folder for all of it")
    options = parser.parse_args(words)
    if options.folder.exists():
        parser.error(f"a folder that does not exist yet expected, got {options.folder}; name another")
    if not options.tiny and not (HERE / options.name / MODEL).is_dir():
        parser.error(
            f"a model in {HERE / options.name / MODEL} expected, got none; fetch one, as {options.name}/charter.toml "
            "says, or give --tiny"
        )
    options.folder.mkdir(parents=True)
    run_example(options.name, options.folder.absolute(), tiny=options.tiny)


def run_example(name: str, folder: Path, *, tiny: bool) -> None:
    """From a charter to a record that verifies and is made again."""
    example, environment = EXAMPLES[name], dict(os.environ)
    charter, run = HERE / name / "charter.toml", folder / "run"
    with ExitStack() as stack:
        if tiny:
            values = dict(SMALL) | dict(example.tiny)
            environment["DETENT_DATA"] = str(folder / "data")
            if example.judged:
                values |= _judge(stack)
                environment[KEY_VARIABLE] = KEY
            charter = write_home(name, folder / "home", values)
        else:
            detent("estimate", charter, environment=environment)
        detent("init", run, "--from", charter, environment=environment)
        detent("run", run, environment=environment)
    environment.pop(KEY_VARIABLE, None)  # from here on nobody asks a server
    detent("status", run, environment=environment)
    detent("verify", run, environment=environment)
    newest = ("--generation", "1") if tiny else ()
    detent("replay", run, *newest, environment=environment, ends=example.replayed if tiny else None)


def _judge(stack: ExitStack) -> dict[str, str]:
    """A server that prefers the longer answer, until the stack is left; returns the values that name it."""
    from detent.testing.servers import MODEL as WISE  # noqa: PLC0415  only a tiny form needs it
    from detent.testing.servers import ChatServer, kind  # noqa: PLC0415

    server = stack.enter_context(ChatServer(kind()))
    return {"servers.judge.url": f'"{server.url}"', "servers.judge.model": f'"{WISE}"'}


def write_home(name: str, home: Path, values: Mapping[str, str]) -> Path:
    """Copy an example with other values in its charter, fewer rows and a small model; returns the charter's path."""
    shutil.copytree(HERE / name, home, ignore=shutil.ignore_patterns(MODEL, "__pycache__"))
    charter = home / "charter.toml"
    charter.write_text(with_values(charter.read_text("utf-8"), values), "utf-8")
    EXAMPLES[name].files(home)
    write_model(home / MODEL, EXAMPLES[name].lessons())
    return charter


def with_values(text: str, values: Mapping[str, str]) -> str:
    """A charter with these values, by key: `recipe.steps` is `steps = ...` of [recipe], or a new line there."""
    for path, value in values.items():
        section, _, key = path.rpartition(".")
        start = text.find(f"\n[{section}]") + 1
        if not start:
            raise SystemExit(
                f"a section [{section}] expected in the charter, got none; mend the example's values"
            )
        end = text.find("\n[", start)
        body = text[start : end if end >= 0 else len(text)]
        line = f"{key} = {value}"
        changed, many = re.subn(rf"^{key} = .*$", lambda _, line=line: line, body, flags=re.MULTILINE)
        if not many:
            head, _, rest = body.partition("\n")
            changed = f"{head}\n{line}\n{rest}"
        text = text.replace(body, changed, 1)
    return text


def write_model(folder: Path, lessons: Pairs) -> None:
    """A small Qwen 2 that was taught what its makers would have: a little of everything."""
    from detent.subject.load import Subject  # noqa: PLC0415  torch and transformers take seconds
    from detent.subject.processor import settle  # noqa: PLC0415
    from detent.subject.train import Example as Row  # noqa: PLC0415
    from detent.subject.train import Recipe, Source, train  # noqa: PLC0415
    from detent.testing.language import TEXTS, language_model  # noqa: PLC0415

    texts = [*TEXTS, *{re.sub(r"\d+", "0", prompt) for prompt, _ in lessons}]  # a digit stays a token
    model, tokenizer = language_model("qwen2", texts, hidden=64)
    rows = [Row(prompt, f"{answer}.") for prompt, answer in lessons]
    settle(threads=1)
    train(*Subject(model, tokenizer), [Source(rows, 1.0)], Recipe(steps=100, batch=32), seed=1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    print(f"{folder}: a model of {model.num_parameters():,} parameters, made on the spot", flush=True)


def detent(*words: str | Path, environment: Mapping[str, str], ends: int | None = 0) -> None:
    """Type a command, show what it says, and stop where it ends otherwise than it should; None: however it likes."""
    print(f"$ detent {' '.join(map(str, words))}", flush=True)
    program = Path(sysconfig.get_path("scripts")) / "detent"
    ended = subprocess.run([program, *words], env=environment, check=False).returncode
    if ends is not None and ended != ends:
        sys.exit(f"exit code {ends} of `detent {words[0]}` expected, got {ended}")


if __name__ == "__main__":
    main()
