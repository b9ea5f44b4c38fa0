"""Write what the pages take from the code: docs/commands.md, and the marked parts of README.md and docs/*.md.

    python docs/generate.py

A marked part stands between `<!-- NAME -->` and `<!-- /NAME -->`. A test fails when a page is not current.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from textwrap import fill
from typing import Any, get_args

import typer

from detent import tripwires
from detent.assembly.places import RunFolder
from detent.cli.app import app
from detent.errors import DetentError
from detent.tasks import LADDERS, UNFIT
from detent.tripwires import CATALOGUE
from detent.tripwires.catalogue import table
from detent.values.entries import AnyEntry
from detent.values.shape import Edit
from detent.values.space import SPACE

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "detent"

FORM_WORDS = ("Statistic", "Guarantee", "Limit", "It cannot see")
"""What a tripwire's docstring says of it, each at the beginning of a line."""

NOTES = {
    "init": """
        It tries every task, your own tripwires and the constitution's principles, completes the charter (your key, the
        seal's tip, the hashes of your own files), signs it, and starts the ledger. The folder must not exist: it is
        there whole afterwards, or not at all. With `--tasks` (and `--subject`, a Hugging Face folder or a model that
        was fetched) it writes [a whole charter](costs.md#a-charter-written-for-a-model) for that model, those tasks and
        this machine, and says what a generation will cost. Of each model server it says what it will be asked, for how
        much, and whether its key is here.""",
    "estimate": """
        Operations are those that the ledger counts, so that a closed generation can be held against its estimate; the
        speed is measured in the run, or stated for such a machine. Methods beyond `self_label` come on top. How it is
        worked out: [costs](costs.md). Where changes beside the data are tried, a line says what that takes.""",
    "run": """
        Under a lock: a second `run` of the folder is refused and told who holds it. One line a generation: what was
        weak, what was proposed, the gain with its 95 % interval in points, items the gate needed, its verdict, the
        decision. Ctrl-C and SIGTERM stop it cleanly, and `kill -9` loses no more than the step in progress; the same
        command goes on. What workers print is in `logs/worker.log`, which error messages name; where the time of each
        session went is in `logs/timing.jsonl`. Where [changes beside the data](proposals.md) are tried, a line before
        each rung names them, the live line says at which rung the trials are, and a last one what was chosen and
        why.""",
    "lease": """
        At most as much at once as the charter's `pace.lease` allows; what is not given is the most it allows. A lease
        is spent by every generation and by compute, and it expires by itself, also in the middle of a generation.""",
    "status": """
        Ladder, frontier, horizon and accuracy are the incumbent's, on fresh problems that nothing else used. As JSON:
        `state` (`ready`, `running`, `waiting` for a person or for the charter's pace, `paused`, `halted`, `lease_spent`
        or `finished`), `generation` (the last closed one), `promoted`, `incumbent` (its digest), `ladder` (`start`,
        `now`), `tasks` (by name: `frontier`, `horizon`, `horizon_is_at_least`, `accuracy` by level), `error_budget`
        (`total`, `spent`, `next_alpha`, `next_items` by points of true gain), `lease` (`granted`, `spent`, `left`, and
        of the one that pays for the next generation `expires`, `petaflop_left`), `compute` (`taught_petaflop` for
        generation 0, `petaflop` since, `share` of the one in the other), `hold` (what holds the run, `null` for
        nothing), `request` (the number of the one that waits), `alarms` (tripwires that wait for a person),
        `cosigned` (`size` of `of` entries, `by` which witnesses, `at`; `null` without any),
        `confined`; under a constitution also `principles` (by name: `guarded`, `margin`, and of the newest opening
        that tested it `opening`, `items`, `no_worse`, and `low` and `high`, the 95 % interval of candidate minus
        incumbent); of a run of adapters `adapter` (`rank`, `alpha`, `targets`, `base`, its digest, and `repo` and
        `revision` where it was fetched); of one with model servers `servers` (by name: `model`, `answers`, `abstained`,
        `tokens`, `unrecorded_tokens`, `money`, `budget_tokens`, `budget_money`); of one that tries
        [changes beside the data](proposals.md) `exploring` (`settings` in force instead of the charter's, by key:
        `now`, `charter`; `now`, the changes of the turn in progress, and `newest`, the last ones that are done with,
        each with `generation`, `number`, `kind`, `change`, `by`, `because`, the proposer's own words, `gains`, over the
        plan at each rung, `outcome` and `why`; how many were `tried` and `promoted`).""",
    "try": """
        It starts a worker of its own, so it may be used beside a `run`. The incumbent is also a plain Hugging Face
        folder, `models/incumbent`.""",
    "report": """
        `run` writes it after every generation too, to `reports/report.html`.""",
    "verify": """
        It needs no key and no library that loads models, believes nothing of what it reads, and changes nothing; it
        works beside a `run`. Every check is one line; then come notes, and what no check can prove. What lies at an
        address is fetched, and a bundle unpacked, into a folder that is removed again. See
        [verifying](verifying.md).

        `detent verify FILE.tlog-proof ENTRY --policy POLICY` says what a proof (or a COSE receipt, for a policy with
        `quorum none`) shows of an entry's bytes, and needs nothing of the run. `detent verify --split A B --policy
        POLICY` compares two checkpoints of one log and one size: when their roots differ and somebody of the policy
        signed both, it names them, prints both, which is the proof, and exits with 17; 0 means that they say the same.
        Checkpoints of different sizes can only be told apart by a consistency proof, and are refused.""",
    "bundle": """
        The same run gives the same file, byte for byte. It may be running meanwhile: the bundle holds what one
        checkpoint covers. `verify` reads it, and says what could not be checked: see
        [verifying](verifying.md#a-run-in-one-file).""",
    "export": """
        The files are the model's own, to the byte; beside them lie `README.md` (the card), `SHA256SUMS`, and the
        decision with the proof that it is on the ledger. An [adapter](export.md#adapters) has a base that programs find
        beside it, or named; `--merged` makes one whole model of both, and needs the extra `train`. It works beside a
        `run`. What the card says, and what other programs need: [exporting a model](export.md).""",
    "fetch": """
        What a name means today is not what it means tomorrow: one commit is fetched, into your data folder, where
        charters find it as `ORG/MODEL`, or into a folder of your choice. `FOLDER.fetched.json` beside it says which,
        with the folder's digest; `init` writes both on the ledger (`fetched/v1`). No code, no
        pickles, nothing that asks for code; a private model takes the hub's own `HF_TOKEN`. It is the only command that
        needs a hub, and `HF_ENDPOINT` names another. Workers are always offline.""",
    "track": """
        Any run has its numbers written so at any time, also one whose charter names no tracker. What was written before
        is replaced (TensorBoard) or added to. With `report_to` in the charter's `[run]`, `run` does it after each
        generation: [trackers](trackers.md).""",
    "inspect": """
        It works beside a `run`, changes nothing in it and writes nothing into it; models are read in confined workers
        of their own. First what was compared, generations and digests, then a sentence a section, made of its figures:
        [what each says](inside.md). A section that cannot be made of these two models says why. A copy of the model
        beside itself must read zero, or the command ends with an error. `--control` trains the generation again with
        another seed, says before what that costs, and then of each figure what that other seed shows. The page has
        every picture with its table.

        As JSON: `generation`, `against` (numbers), `after`, `before` (digests), `trained_from` (whether `before` is the
        member it was trained from, and was not in force), `said` (the sentence by section),
        `beside_control` (what another seed shows, by section; empty without `--control`), `found`, `control` (`null`
        without it) and `copy` (the figures by section, as they stand on the ledger in `explained/v1`, and under
        `absent` by section why there are none), `seconds`. What workers and runs say meanwhile goes to standard error.

        It has nothing to do with `inspect-task`, which runs other people's evaluations.""",
    "inspect-task": """
        Needs `pip install 'detent[inspect]'`. Inspect and the task's own code run as you, in a process of their own:
        look at a task before you run it. Answers come from the ordinary workers. The `.eval` log lies in `answers/`
        under its SHA-256, and `inspected/v1` names that, the model's digest, task, version and totals. It steers
        nothing in the run: see [verifying](verifying.md#what-is-checked). Not beside a `run`, which holds the ledger.
        `inspect eval TASK --model detent/DIGEST -M run=DIR` does the same without the ledger.""",
    "gc": """
        It shows what goes, deletes it, and leaves a `collected/v1` on the ledger. Not beside a `run`, not while the
        run is halted, and never more than the charter in force lets go; entries, and what the run needs to go on,
        always stay. See [verifying](verifying.md#what-may-be-deleted).""",
    "prove": """
        It needs the run folder and no key. `INDEX` counts entries from 0. The proof is a C2SP tlog-proof under the
        newest checkpoint that others cosigned (`ledger/cosigned`) where that covers the entry, else under the newest
        there is. Who checks it needs the entry's bytes (`--entry`) and a policy. The receipt (RFC 9942) says the same
        to programs that read COSE, and is cosigned by nobody; it takes the log's private key, from your data folder,
        and cbor2: `pip install 'detent[cose]'`. See
        [verifying](verifying.md#prove-one-entry-to-somebody-who-trusts-nobody).""",
    "sign-model": """
        The signature is a Sigstore bundle over the digest of every file, which `model_signing verify key` checks
        without Detent. The format takes elliptic-curve keys alone, so it has a key of its own,
        `keys/model-signing.pem` in your data folder, made the first time; the public half lies beside it as
        `model-signing.pub`. Needs `pip install 'detent[model-signing]'`.""",
    "replay": """
        It verifies the record first, and asks no model where that fails. Labels, profiles, the sealed problems,
        tripwires and the decision are made again in confined workers; training is not. It needs the run folder and no
        key, changes nothing in it, and works beside a `run`. On the kind of machine that the session recorded all must
        be equal to the last digit; what may differ on another, and what is said of weights that are gone, is in
        [verifying](verifying.md#asking-the-models-again).""",
    "serve": """
        It may start and end while a run goes on. By default it listens on this machine alone, and whoever may use the
        machine may read; for others it needs TLS and read tokens, and does not start without: [the
        dashboard](dashboard.md), which also has the JSON, the metrics and what is guarded. What people sign in their
        browsers it hands in, and holds no steward's key: [deciding](deciding.md). Needs the extra `[web]`.""",
    "ledger serve": """
        Shown are the ledger (at the root too: `/checkpoint`, `/tile/...`, for any tlog-tiles client),
        `charter.dsse`, `charter.toml`, `log.vkey`, `data/`, `answers/` and `tasks/` (Python files with plain
        names), under their names in the run folder: what `verify` reads, but models. GET and HEAD alone; no names
        are listed, no links followed; locks, journal, inbox and logs are not there. Tiles may be kept for ever,
        the checkpoint not at all. At most 64 connections, ten seconds for a request. It works beside a `run`. In
        front of the Internet put a proxy with TLS and limits per client; any static file server over the folder
        does as well, if it shows no more than that. A log's folder alone can be served too.""",
    "ledger fsck": """
        It says what it proved, then what it did not, then a line for every fault. A folder is also searched for
        files that do not belong there, which nobody can do on a server. A published log is read tile by tile over
        one connection, without redirects, and each file within the size that it may have and a minute. A million
        entries of 1 KB in a folder take some five seconds and 60 MB of memory. What the entries mean, `detent
        verify` checks.""",
    "pause": """
        At work, the run closes the generation in progress first. `resume` lets it go on.""",
    "halt": """
        A run at work obeys within seconds, from the middle of what it does: workers end, what was not written down is
        not done. Nothing goes on until a quorum of stewards lifts it with `resume`.""",
    "resume": """
        It must be given in sight of what it ends: an order that was signed before the run was stopped, or on a copy of
        its ledger, ends nothing. A halt takes the charter's quorum, a pause the rule `resume`.""",
    "rollback": """
        The generation in progress ends; models, labels and mastered levels are as they were when generation `G` was
        closed; what was spent (openings, error budget, lease, compute) stays spent. Not beside a `run`: `pause` or
        `halt` it first.""",
    "requests": """
        How long an answer took stands there too.""",
    "show": """
        What is shown comes from the ledger: why people are asked, what changed, the gate, tripwires, what nobody
        checked. Of a change beside the data also its trials, sizes before and after, and the reason in its proposer's
        words. The report has the pictures.""",
    "approve": """
        An answer counts for this candidate, under this charter, on this ledger, until the request expires, and once.
        `detent run` then goes on, after it has looked at the candidate's files once more.""",
    "deny": """
        The candidate is discarded, and nobody goes on from it. An answer that does not come in time says the same.""",
    "charter show": """
        The text goes to standard output, its digest and stewards to standard error.""",
    "charter check": """
        All mistakes at once, each with its line and key path.""",
    "charter sign": """
        What is signed by some and not by enough waits in `inbox/` of the run folder. A file can be carried to a steward
        who signs it elsewhere, and back into `inbox/`: under its name, which is the SHA-256 of what it holds. What lies
        there under another is refused.""",
    "charter amend": """
        The version counts up by itself. What an amendment may not change, and who signs it: [charter](charter.md). It
        ends the leases of the charter before, and puts back a generation in progress; grant another lease
        afterwards.""",
    "key new": """
        Mode 0600. A file that exists is never overwritten.""",
    "key read-token": """
        For `detent serve --read-token-file`. The token is printed once; the file (mode 0600) holds its SHA-256, a line
        each. It lets somebody read and do nothing else. Who is to read no more loses that line.""",
    "key show": "It is no secret.",
    "key enrol": """
        Run it where `detent serve` runs, as the same user, and tell the code to the person by another way. It puts
        nothing in force: the browser's key waits in the inbox, as an amendment that the quorum in force signs with
        `charter sign`. What that is good for, and what not: [deciding](deciding.md).""",
    "key rotate": """
        The rest of the charter stays as it is, comments too.""",
    "auditor new": """
        What it prints goes into the run's charter before `detent init`. The folder is for one run, and its mark lies
        among your keys: [who holds the seal](witnesses.md#an-auditor-holds-the-seal).""",
    "auditor serve": """
        What it says goes to standard error: its verify key, where it listens, and each link that it gives out. It ends
        on Ctrl-C or SIGTERM. It needs `pip install 'detent[serve]'`. The policy needs the run's `log` line.""",
    "witness new": """
        Mode 0600. A file that exists is never overwritten. One key is one witness: a second one with the same key would
        sign what the first has not seen.""",
    "witness serve": """
        What it says goes to standard error: its verify keys, where it listens, and requests that show two histories of
        one log. It ends on Ctrl-C or SIGTERM. It needs `pip install 'detent[serve]'`. What a witness promises, and what
        to do with its state: [witnesses](witnesses.md).""",
}
"""What the one line of help does not say."""

VARIABLES = {
    "DETENT_DATA": "folder for keys and secrets, in place of the user's data folder (README, *Keys and secrets*)",
    "DETENT_CLOCK": "a fixed time for every ledger entry, such as `2026-01-31T12:00:00Z`, so that a run can be "
    "repeated to the byte",
}

WITHOUT_A_CLASS = {
    0: ("", "Done."),
    1: ("", "A fault in Detent itself; the traceback says where."),
    10: ("", "`run`: halted; a quorum of stewards has to lift it."),
    11: ("", "`run`: a person is asked, and has not answered."),
    12: ("", "`run`: paused."),
    13: ("", "`run`: no lease covers the moment: its time or its compute is used up."),
    14: ("", "`run`: the charter's pace wants time to pass, or an evaluation, first."),
    16: (
        "",
        "`replay`: nothing differs, and part of it is no longer there to be asked again. "  # noqa: ISC004  one cell
        "`verify`: nothing is wrong, and answers or tasks' code, which verdicts rest on, are not all there.",
    ),
    17: ("", "`verify --split`: a split view is proven."),
    130: ("", "Interrupted by Ctrl-C or SIGTERM; nothing is lost."),
}


def pages() -> dict[Path, str]:
    """Every page that is not written by hand alone, as it should be."""
    parts = {
        "tree": tree(),
        "exit-codes": exit_codes(),
        "entries": entries(),
        "run-folder": run_folder(),
        "decisions": decisions(),
        "wire-table": table(),
        "wires": wires(),
        "gym-tasks": gym_tasks(),
        "search-space": search_space(),
        "edits": edits(),
    }
    marked = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = {page: _with_parts(page.read_text("utf-8"), parts) for page in marked if page.is_file()}
    return found | {ROOT / "docs" / "commands.md": commands()}


def commands() -> str:
    """docs/commands.md."""
    group: Any = typer.main.get_command(app)
    return "\n".join(
        [
            "# Commands",
            "",
            "*Written by `docs/generate.py`. `detent COMMAND --help` says the same in short; `detent --version` prints",
            "the version.*",
            "",
            *(line for name, command in _all_commands(group) for line in _command(name, command)),
            "## Environment",
            "",
            *_table(("variable", "what it does"), ((f"`{name}`", said) for name, said in VARIABLES.items())),
            "",
            "## Exit codes",
            "",
            "Errors are one line on standard error: what was expected, what was got, what to do.",
            "",
            exit_codes(),
            "",
        ]
    )


def tree() -> str:
    """The source tree with one line a part, in the order of the import layers."""
    layers, learning = _layers()
    rest = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
    others = [name for name in rest if name not in layers + learning]
    lines = ["src/detent/"]
    lines += [_leaf(name) for name in layers]
    lines += ["the learning side, in processes of its own", *(_leaf(name) for name in learning)]
    lines += ["beside both", *(_leaf(name) for name in others)]
    return "\n".join(["```", *lines, "```"])


def exit_codes() -> str:
    """The error tree as a table, from `detent.errors`."""
    rows = dict(WITHOUT_A_CLASS)
    for code, kinds in _by_code().items():
        names = ", ".join(f"`{kind.__name__}`" for kind in kinds)
        rows[code] = (names, " ".join(_first_line(kind.__doc__) for kind in kinds))
    return "\n".join(
        _table(("code", "error", "what it means"), ((str(code), *rows[code]) for code in sorted(rows)))
    )


def entries() -> str:
    """The ledger's entry kinds as a table, from their docstrings."""
    kinds = get_args(AnyEntry)
    rows = ((f"`{kind.__struct_config__.tag}`", _first_line(kind.__doc__)) for kind in kinds)
    return "\n".join(_table(("kind", "what happened"), rows))


def run_folder() -> str:
    """What lies in a run folder, from `RunFolder`."""
    run = RunFolder(Path("my-run"))
    named = {name: part for name, part in vars(RunFolder).items() if isinstance(part, property)}
    rows = (
        (f"`{getattr(run, name).relative_to(run.root)}`", _first_line(part.__doc__).replace("<", "&lt;"))
        for name, part in named.items()
    )
    return "\n".join(_table(("path", "what it is"), rows))


def gym_tasks() -> str:
    """Tasks of the gym by name with their highest levels, and those that cannot be improved."""
    ladders = ", ".join(f"`{name}` {len(levels)}" for name, levels in LADDERS.items())
    gaps = [f"`{name}` {levels}" for name, levels in LADDERS.items() if levels != tuple(range(len(levels)))]
    unfit = "\n".join(f"- `{name}`: {because}" for name, because in UNFIT.items())
    left_out = f"\n\nWith a global level left out in between: {', '.join(gaps)}." if gaps else ""
    return f"{fill(ladders, 118, break_long_words=False, break_on_hyphens=False)}{left_out}\n\nNot offered:\n\n{unfit}"


def search_space() -> str:
    """Every key that a proposal may set, with its values, from `detent.values.space`."""
    rows = (
        (f"`{one.key}`", f"{one.said}{', by ratios' if one.log else ''}")
        for one in sorted(SPACE, key=lambda one: one.key)
    )
    return "\n".join(_table(("key", "values"), rows))


def edits() -> str:
    """Every edit of a model's shape, from the docstrings in `detent.values.shape`; first those that keep it."""
    kinds = sorted(get_args(Edit), key=lambda kind: not kind.keeps)
    rows = (
        (f"`{kind.__struct_config__.tag}`", _first_line(kind.__doc__), "yes" if kind.keeps else "no")
        for kind in kinds
    )
    return "\n".join(_table(("edit", "what it makes", "keeps"), rows))


def decisions() -> str:
    """The list of decision records."""
    found = sorted((ROOT / "docs" / "adr").glob("*.md"))
    return "\n".join(f"- [{_title(page)}](adr/{page.name})" for page in found)


def wires() -> str:
    """A section for each tripwire, from its module's docstring."""
    return "\n\n".join(f"### {name}\n\n{_section(name)}" for name in CATALOGUE)


def _section(wire: str) -> str:
    """The docstring without its name and example; what begins with a word of the form is a paragraph of its own."""
    text = cleandoc(getattr(tripwires, wire).__doc__ or "")
    text = text.partition(": ")[2].replace("`_gaps`", "[below](#evidence-from-totals)")
    text = text.replace("`_edetector`", "[statistics](statistics.md)")
    found: list[str] = []
    for block in text.split("\n\n"):
        if not block.startswith("    >>>"):
            found += _paragraphs(block.split("\n"), question=not found)
    return "\n\n".join(found)


def _paragraphs(lines: list[str], *, question: bool) -> list[str]:
    """A block's lines as paragraphs. A formula stays as it is; a word of the form begins one, a question ends one."""
    found: list[list[str]] = [[]]
    for line in lines:
        opening = next((word for word in FORM_WORDS if line.startswith(f"{word}:")), "")
        said = f"**{opening}.** {_capital(line.removeprefix(f'{opening}: '))}" if opening else line
        if found[-1] and (opening or line.startswith("    ") or found[-1][-1].startswith("    ")):
            found.append([])
        found[-1].append(said)
        if question and line.endswith("?"):
            found.append([])
    return [_filled(one) for one in found if one]


def _filled(lines: list[str]) -> str:
    if lines[0].startswith("    "):
        return "\n".join(lines)
    return fill(_capital(" ".join(lines)), 120, break_on_hyphens=False)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _all_commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, those of groups too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _all_commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _command(name: str, command: Any) -> list[str]:
    rows = [
        (f"`{_written(param)}`", param.help or "", "required" if param.required else _default(param.default))
        for param in command.params
    ]
    return [
        f"## detent {name}",
        "",
        f"    {_usage(name, command)}",
        "",
        command.help,
        "",
        cleandoc(NOTES[name]),
        "",
        *_table(("argument", "what it is", "default"), rows),
        "",
    ]


def _usage(name: str, command: Any) -> str:
    words = [_written(param) if param.required else f"[{_written(param)}]" for param in command.params]
    return " ".join(["detent", name, *words])


def _written(param: Any) -> str:
    """An argument or option as it is typed: `DIR`, `--generations N`, `--json`."""
    metavar = param.metavar or ("" if getattr(param, "is_flag", False) else param.name.upper())
    option = max(param.opts, key=len) if param.param_type_name == "option" else ""
    return f"{option} {metavar}".strip()


def _default(value: Any) -> str:
    return "-" if value in {None, False, ""} else f"`{value}`"


def _layers() -> tuple[list[str], list[str]]:
    """Modules of the overseeing side, bottom up, and those of the learning side, as the contracts have them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    learning = next(each["source_modules"] for each in contracts if each["type"] == "forbidden")
    return [name.strip("()") for name in reversed(layers)], [name.rpartition(".")[2] for name in learning]


def _leaf(name: str) -> str:
    """A part's name and the first line of its docstring, read without importing it."""
    folder = PACKAGE / name / "__init__.py"
    source = folder if folder.is_file() else PACKAGE / f"{name}.py"
    shown = f"{name}/" if source is folder else f"{name}.py"
    said = ast.get_docstring(ast.parse(source.read_text("utf-8")))
    return f"  {shown:<12} {_first_line(said)}"


def _by_code() -> dict[int, list[type[DetentError]]]:
    """Every error class that is raised, by its exit code, parents first."""
    found: dict[int, list[type[DetentError]]] = {}
    waiting = list(DetentError.__subclasses__())
    while waiting:
        kind = waiting.pop(0)
        found.setdefault(kind.exit_code, []).append(kind)
        waiting += kind.__subclasses__()
    return found


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _with_parts(page: str, parts: Mapping[str, str]) -> str:
    for name, text in parts.items():
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page = between.sub(lambda found, text=text: f"{found[1]}{text}\n{found[2]}", page)  # type: ignore[misc]
    return page


def _first_line(docstring: str | None) -> str:
    return cleandoc(docstring or "").partition("\n")[0]


def _title(page: Path) -> str:
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ")


if __name__ == "__main__":
    for page, text in pages().items():
        if not page.is_file() or page.read_text("utf-8") != text:
            page.write_text(text, "utf-8")
            sys.stdout.write(f"wrote {page.relative_to(ROOT)}\n")
