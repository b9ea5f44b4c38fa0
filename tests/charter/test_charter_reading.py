"""A bad charter is refused with every reason, its line, its key path, what was expected and what was got."""

from pathlib import Path

import pytest
from tests.charter.charter_faults import KEY, Bad, added, faults
from tests.charter.charter_texts import ADA, CATALOGUE, DRAFT, EVE, TIP, charter_text

from detent.charter import (
    Catalogue,
    Draft,
    LeaseTerms,
    Pace,
    default_text,
    draft_text,
    parse_charter,
    parse_draft,
)
from detent.errors import CharterError, UsageError
from detent.evaluate.budget import least_first_limit
from detent.signing import SigningKey
from detent.tasks import BUILTINS
from detent.values import AtMost


def test_the_default_draft_is_in_order_for_the_real_gate_and_tasks() -> None:
    draft = parse_draft(default_text(), Catalogue(BUILTINS, least_first_limit, CATALOGUE.tripwires))
    assert dict(draft.direction.improve) == {"copy": 15, "reverse": 15, "sort": 15}
    assert draft.pace.lease.generations == 8
    assert draft.recipe.seed_levels == 5


LEFT_OUT = {"lora", "ray", "report_to"}
"""Tables that are there or not, and who else is shown the numbers."""


def test_the_default_draft_writes_out_every_default() -> None:
    written = parse_draft(default_text(), CATALOGUE)
    for name in ("constraints", "subject", "recipe", "gate", "run"):
        section = getattr(written, name)
        assert section == type(section)()
        assert section.model_fields_set == set(type(section).model_fields) - LEFT_OUT, name
    pace = written.pace
    assert pace == Pace(lease=LeaseTerms(generations=8))
    assert pace.model_fields_set == set(Pace.model_fields)
    assert pace.lease.model_fields_set == set(LeaseTerms.model_fields)


def test_a_small_draft_has_the_defaults() -> None:
    draft = parse_draft(DRAFT, CATALOGUE)
    assert draft.recipe == parse_draft(default_text(), CATALOGUE).recipe
    assert draft.version == 1
    assert draft.subject.built


def test_an_answer_has_the_room_of_its_prompt_and_more_or_of_so_many_tokens() -> None:
    assert parse_draft(DRAFT, CATALOGUE).subject.room == 4
    text = DRAFT.replace("[direction]", "[subject]\nanswer_tokens = 64\n[direction]")
    assert parse_draft(text, CATALOGUE).subject.room == AtMost(64)


def test_a_charter_read_once_does_not_change() -> None:
    charter = parse_charter(charter_text(), CATALOGUE)
    assert charter.stewards.keys == (str(ADA.verify_key),)
    assert (charter.seal.tip, charter.seal.length) == (TIP, 1000)
    with pytest.raises(ValueError, match="frozen"):
        charter.run.seed = 2


BAD = {
    "a number in words": Bad(
        "= 8", '= "eight"', "8: pace.lease.generations: an integer from 1 to 100000 expected,", 'got "eight"'
    ),
    "a number that is none": Bad("= 8", "= true", "8: pace.lease.generations: ", "got true"),
    "a broken number": Bad("= 8", "= 8.0", "8: pace.lease.generations: ", "got 8.0"),
    "a lease of nothing": Bad("= 8", "= 0", "8: pace.lease.generations: ", "got 0"),
    "a lease beyond every number": Bad("= 8", "= 1" + "0" * 30, "8: pace.lease.generations: ", "got 1000000"),
    "a key written wrongly": Bad(
        *added("[recipe]\nstps = 9"),
        "11: recipe.stps: a key of [recipe] expected,",
        'got "stps"; did you mean steps?',
    ),
    "a key like no other": Bad(
        "quorum = 1",
        "quorum = 1\nzzz = 1",
        "6: stewards.zzz: a key of [stewards] expected,",
        "its keys are quorum",
    ),
    "a key with a terminal's control sequence": Bad(
        "quorum = 1",
        'quorum = 1\n"a\\u001b[2J\\n" = 1',
        r'6: stewards."a\x1b[2J\n": a key of [stewards] expected, got "a\x1b[2J\n"',
    ),
    "a section written wrongly": Bad(
        *added("[receipe]\nsteps = 1"), "10: receipe: a key of the charter expected,", "did you mean recipe?"
    ),
    "a key inside a table written wrongly": Bad(
        "generations = 8", "generations = 8, days = 2", "8: pace.lease.days: a key of [pace.lease]"
    ),
    "no name": Bad(
        'name = "small"\n', "", "1: name: one line of text, 1 to 200 characters, expected,", "got nothing"
    ),
    "an empty name": Bad('"small"', '""', "1: name: one line of text", 'got ""'),
    "a name with a terminal's control sequence": Bad(
        '"small"', r'"\u001b[2Jx"', "1: name: ", r'got "\x1b[2Jx"'
    ),
    "a purpose of several lines": Bad('"For tests"', '"""a\nb"""', "2: purpose: one line", r'got "a\nb"'),
    "no stewards": Bad(
        "[stewards]\nquorum = 1", "", "1: stewards: a table with quorum expected, got nothing"
    ),
    "no quorum": Bad("quorum = 1", "", "4: stewards.quorum: an integer from 1 to 64 expected, got nothing"),
    "no lease": Bad(
        "lease = { generations = 8 }", "", "7: pace.lease: a table with generations expected, got nothing"
    ),
    "a section that is a number": Bad(
        "[pace]\nlease = { generations = 8 }", "", "1: pace: a table with lease expected, got nothing"
    ),
    "a table that is a number": Bad(
        "{ generations = 8 }", "8", "8: pace.lease: a table with generations expected, got 8"
    ),
    "nothing to improve": Bad(
        "{ copy = 9, reverse = 9 }",
        "{}",
        "11: direction.improve: a table with at least one key expected, got an empty table",
    ),
    "a list of tasks": Bad(
        "{ copy = 9, reverse = 9 }", '["copy"]', "11: direction.improve: a table", "got an array"
    ),
    "a task that nobody knows": Bad(
        "reverse = 9",
        "rotate = 9",
        "11: direction.improve.rotate: one of copy, reverse, sort or a task of your own",
        '[tasks.rotate] source = "FILE.py:Class"',
    ),
    "a task with a capital": Bad(
        "reverse = 9", "Reverse = 9", "11: direction.improve.Reverse: a task's name in a-z"
    ),
    "a top level of 0": Bad(
        "reverse = 9",
        "reverse = 0",
        "11: direction.improve.reverse: a level, an integer from 1 to 100, expected, got 0",
    ),
    "a ladder shorter than what is taught": Bad(
        "reverse = 9",
        "reverse = 4",
        "11: direction.improve.reverse: a top level of at least recipe.seed_levels = 5 expected, got 4",
    ),
    "a version from the future": Bad(
        'name = "small"', 'version = 2\nname = "small"', "1: version: 1, a first charter, expected, got 2"
    ),
    "an unknown kind of change": Bad(
        *added('[constraints]\nchanges = ["data", "weights"]'),
        '11: constraints.changes.1: "data", "feedback" or "architecture" expected, got "weights"',
    ),
    "no kind of change": Bad(
        *added("[constraints]\nchanges = []"),
        '11: constraints.changes: an array with one or more of "data", "feedback" or "architecture" expected, got an '
        "empty array",
    ),
    "a margin of nothing": Bad(
        *added("[constraints]\nnon_inferiority_margin = 0"),
        "11: constraints.non_inferiority_margin: a number between 0 and 1 expected, got 0",
    ),
    "a floor above 1": Bad(
        *added("[constraints]\nmastery_floor = 1.5"), "11: constraints.mastery_floor: ", "got 1.5"
    ),
    "an endless error budget": Bad(
        *added("[constraints]\nerror_budget = inf"), "11: constraints.error_budget: ", "got inf"
    ),
    "a margin that is no number": Bad(
        *added("[constraints]\nnon_inferiority_margin = nan"),
        "11: constraints.non_inferiority_margin: ",
        "got nan",
    ),
    "a mix of more than everything": Bad(
        *added("[recipe]\nmix = { newest = 0.9 }"),
        "11: recipe.mix: newest, earlier and seed that sum to 1 expected, got 1.4",
    ),
    "more labels kept than made": Bad(
        *added("[recipe]\nlabel_keep = 3000"),
        "11: recipe.label_keep: at most recipe.label_prompts = 800 expected, got 3000",
    ),
    "too few fresh problems": Bad(
        *added("[recipe]\nfresh_problems = 63"),
        "11: recipe.fresh_problems: an integer from 64 to 100000 expected, got 63",
    ),
    "a confidence in per cent": Bad(
        *added("[recipe]\nconfidence = 90"), "11: recipe.confidence: a number from 0 to 1 expected, got 90"
    ),
    "a learning rate of 0": Bad(
        *added("[recipe]\nmatrix_rate = 0.0"),
        "11: recipe.matrix_rate: a number above 0, at most 1 expected, got 0.0",
    ),
    "a width that the heads do not divide": Bad(
        *added("[subject]\nhidden = 100\nheads = 3"),
        "11: subject.hidden: a multiple of subject.heads = 3 expected, got 100",
    ),
    "a shape for a model that has one": Bad(
        *added('[subject]\nsource = "models/mine"\nlayers = 3'),
        "12: subject.layers: nothing expected beside a model folder, got 3",
    ),
    "an adapter beside a model that is made here": Bad(
        *added('[subject]\nlora = { rank = 4 }\n[recipe]\noptimizer = "adamw"\nother_rate = 1e-4'),
        '11: subject.lora: nothing expected with source = "built", got it',
    ),
    "an adapter trained by Muon": Bad(
        *added('[subject]\nsource = "models/mine"\nlora = { rank = 4 }\n[recipe]\nbatch = 8'),
        '13: recipe.optimizer: "adamw" expected with subject.lora, got "muon"; with other_rate = 0.0002',
    ),
    "AdamW at Muon's rate": Bad(
        *added('[recipe]\noptimizer = "adamw"'),
        '10: recipe.other_rate: a rate expected with optimizer = "adamw", got none; usual are 2e-4 with subject.lora',
    ),
    "more examples at a time than in a batch": Bad(
        *added("[recipe]\nbatch = 8\nmicro_batch = 9"),
        "12: recipe.micro_batch: at most recipe.batch = 8 expected, got 9",
    ),
    "an adapter of no rank": Bad(
        *added(
            '[subject]\nsource = "m"\nlora = { rank = 0 }\n[recipe]\noptimizer = "adamw"\nother_rate = 1e-4'
        ),
        "12: subject.lora.rank: an integer from 1 to 4096 expected, got 0",
    ),
    "an adapter on a layer's whole path": Bad(
        *added(
            '[subject]\nsource = "m"\nlora = { targets = ["a.b"] }\n[recipe]\noptimizer = "adamw"\nother_rate = 1e-4'
        ),
        "12: subject.lora.targets",
    ),
    "a device that nobody has": Bad(
        *added('[run]\ndevice = "tpu"'), '11: run.device: "auto", "cpu" or "cuda" expected, got "tpu"'
    ),
    "a cluster that is not described": Bad(
        *added('[run]\nengine = "ray"'), '11: run.engine: "ray" beside a [run.ray] expected', "add it"
    ),
    "a cluster that nobody uses": Bad(
        *added('[run.ray]\nstore = "file:///mnt"'), '10: run.ray: no [run.ray] expected with engine = "local"'
    ),
    "a store that is no address": Bad(
        *added('[run]\nengine = "ray"\n[run.ray]\nstore = "/mnt"'),
        "13: run.ray.store: the address of a folder",
    ),
    "a cluster at an address of another kind": Bad(
        *added('[run]\nengine = "ray"\n[run.ray]\nstore = "file:///mnt"\naddress = "ray://head:10001"'),
        '14: run.ray.address: "auto" or HOST:PORT expected',
    ),
    "GPUs that no job holds": Bad(
        *added('[run]\nengine = "ray"\ndevice = "cuda"\n[run.ray]\nstore = "file:///mnt"'),
        "13: run.ray.gpus_per_job: a share of a GPU expected",
    ),
    "items below what the gate can pass": Bad(
        *added("[gate]\nitems = { non_inferiority = 199 }"),
        "11: gate.items.non_inferiority: at least 200 expected, got 199",
        "constraints.non_inferiority_margin = 0.05 in openings 1 to 8",
    ),
    "items below what a floor can pass": Bad(
        *added("[constraints]\nnon_inferiority_margin = 0.9\n[gate]\nitems.non_inferiority = 149"),
        "13: gate.items.non_inferiority: at least 150 expected, got 149",
        "mastery_floor",
    ),
    "items below what superiority can pass": Bad(
        *added("[gate.items]\nsuperiority = 99"), "11: gate.items.superiority: at least 100 expected, got 99"
    ),
    "a file that is no Python": Bad(
        *added('[tasks.copycat]\nsource = "copycat.toml"'),
        '11: tasks.copycat.source: "FILE.py:Class" or "FILE.jsonl" beside the charter expected, got "copycat.toml"',
    ),
    "a task's file from elsewhere": Bad(
        *added('[tasks.copycat]\nsource = "/etc/passwd.py:Root"'), "11: tasks.copycat.source: "
    ),
    "a task's file from above": Bad(
        *added('[tasks.copycat]\nsource = "../x.py:Root"'), "11: tasks.copycat.source: "
    ),
    "a task without a file": Bad(
        *added("[tasks.copycat]"),
        '10: tasks.copycat.source: "FILE.py:Class" or "FILE.jsonl" beside the charter expected, got nothing',
    ),
    "a task that is not improved": Bad(
        *added('[tasks.copycat]\nsource = "a.py:B"'),
        "10: tasks.copycat: a task that direction.improve names expected",
    ),
    "a task with a taken name": Bad(
        *added('[tasks.copy]\nsource = "a.py:B"'), "10: tasks.copy: a name that Detent has not taken expected"
    ),
    "a seed below nothing": Bad(
        *added("[run]\nseed = -1"), "11: run.seed: an integer from 0 to 9007199254740991 expected, got -1"
    ),
    "a draft that brings a seal": Bad(*added('[seal]\ntip = "00"'), "10: seal: nothing expected in a draft"),
    "a draft that brings a task's hash": Bad(
        *added('[tasks.copy]\nsource = "a.py:B"\nsha256 = "x"'),
        "12: tasks.copy.sha256: nothing expected in a draft",
    ),
    "a date": Bad('"small"', "1979-05-27", "1: name: one line of text", "got 1979-05-27"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_draft_is_refused_with_one_clear_line(case: str) -> None:
    bad = BAD[case]
    assert bad.old in DRAFT
    (line,) = faults(DRAFT.replace(bad.old, bad.new, 1))
    assert line.startswith(bad.begins)
    assert bad.says in line


BAD_CHARTER = {
    "no keys": (
        'keys = ["',
        'kees = ["',
        ["stewards.keys: an array with one or more of a verify key", "stewards.kees: a key of [stewards]"],
    ),
    "an empty list of keys": (
        f'["{ADA.verify_key}"]',
        "[]",
        ["6: stewards.keys: an array with one or more of a verify key"],
    ),
    "a key that is none": (
        str(ADA.verify_key),
        "ada",
        ['6: stewards.keys.0: a verify key "name+hash+base64" expected, got "ada"'],
    ),
    "a quorum of more than there are": (
        "quorum = 1",
        "quorum = 2",
        ["5: stewards.quorum: at most 1 expected, the number of keys, got 2"],
    ),
    "one steward twice": (
        f'"{ADA.verify_key}"',
        f'"{ADA.verify_key}", "{ADA.verify_key}"',
        ["6: stewards.keys.1: a key of another steward expected"],
    ),
    "one steward under two names": (
        f'"{ADA.verify_key}"',
        f'"{ADA.verify_key}", "{SigningKey("bob", ADA.private).verify_key}"',
        ["6: stewards.keys.1: a key of another steward expected"],
    ),
    "two stewards under one name": (
        f'"{ADA.verify_key}"',
        f'"{ADA.verify_key}", "{SigningKey("ada", EVE.private).verify_key}"',
        ["6: stewards.keys.1: a key of another steward expected"],
    ),
    "a key whose hash is another's": (
        ADA.verify_key.id.hex(),
        "00000000",
        ["6: stewards.keys.0: a verify key"],
    ),
    "a seal that is no hash": (TIP, TIP.upper(), ["seal.tip: 64 lower-case hex digits expected"]),
    "a seal without links": (
        "length = 1000",
        "length = 0",
        ["seal.length: an integer from 1 to 10000000 expected, got 0"],
    ),
    "no seal": (f'tip = "{TIP}"', "", ["seal.tip: 64 lower-case hex digits expected, got nothing"]),
}


@pytest.mark.parametrize("case", BAD_CHARTER)
def test_a_bad_charter_is_refused(case: str) -> None:
    old, new, wanted = BAD_CHARTER[case]
    text = charter_text()
    assert old in text
    lines = faults(text.replace(old, new, 1), complete=True)
    assert len(lines) == len(wanted)
    assert all(any(part in line for line in lines) for part in wanted), lines


def test_a_draft_is_no_charter() -> None:
    lines = faults(DRAFT, complete=True)
    assert lines == [
        "1: seal: a table with tip, length expected, got nothing",
        f"4: stewards.keys: an array with one or more of {KEY} expected, got nothing",
    ]


def test_everything_wrong_is_said_at_once_in_the_order_of_the_file() -> None:
    text = DRAFT.replace("= 8", "= 0").replace('"small"', "3").replace("reverse", "rotate")
    text += "\n[recipe]\nmix = { seed = 0.5 }\nsteps = -1\n[gate]\nitems = { superiority = 3 }\n"
    lines = faults(text + "[run]\nthread = 2\n")
    assert [line.split(": ")[:2] for line in lines] == [
        ["1", "name"],
        ["8", "pace.lease.generations"],
        ["11", "direction.improve.rotate"],
        ["15", "recipe.steps"],
        ["19", "run.thread"],
    ]  # gate.items waits for the lease, recipe.mix for the rest of its section


NO_TOML = {
    "a value that is missing": ("a = 1\nb =\nc = 2", "2: TOML expected, got a mistake: Invalid value"),
    "the same key twice": ("a = 1\na = 2\n", "2: TOML expected, got a mistake: Cannot overwrite a value"),
    "a text without end": ('a = """\n\n', "3: TOML expected, got a mistake: Unterminated string"),
    "prose": ("We, the stewards, ...", "1: TOML expected, got a mistake: Expected '='"),
    "nesting without end": ("a = " + "[" * 100_000, "a charter of at most 32768 bytes"),
    "deep nesting": ("a = " + "[" * 9000 + "]" * 9000, "a charter expected, got tables or arrays"),
    "a very long file": ("# " + "x" * 40_000, "a charter of at most 32768 bytes expected, got 40002"),
}


@pytest.mark.parametrize("case", NO_TOML)
def test_what_is_no_toml_is_refused_with_its_line(case: str) -> None:
    text, said = NO_TOML[case]
    with pytest.raises(CharterError) as caught:
        parse_draft(text, CATALOGUE)
    assert str(caught.value).removeprefix("charter.toml:").lstrip().startswith(said)


def test_a_margin_that_no_number_of_items_decides_is_refused_by_the_real_gate() -> None:
    text = DRAFT + "\n[constraints]\nnon_inferiority_margin = 1e-9\n"
    with pytest.raises(
        CharterError, match=r"charter\.toml:14: constraints\.non_inferiority_margin: .* 1e-09"
    ):
        parse_draft(text, Catalogue(BUILTINS, least_first_limit))


def test_the_real_gate_names_its_number() -> None:
    text = DRAFT + "\n[gate]\nitems = { non_inferiority = 20 }\n"
    least = max(
        least_first_limit("non_inferiority", 0.05, 8, 0.05), least_first_limit("floor", 0.94, 8, 0.05)
    )
    with pytest.raises(
        CharterError, match=rf"gate\.items\.non_inferiority: at least {least} expected, got 20"
    ):
        parse_draft(text, Catalogue(BUILTINS, least_first_limit))


def test_a_draft_file_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(DRAFT.replace("\n", "\r\n").encode())
    assert draft_text(file) == DRAFT.replace("\n", "\r\n")
    assert isinstance(parse_draft(draft_text(file), CATALOGUE), Draft)
    file.write_bytes(b'name = "\xff"')
    with pytest.raises(CharterError, match="UTF-8"):
        draft_text(file)
    with pytest.raises(UsageError, match="No such file"):
        draft_text(tmp_path / "gone.toml")
