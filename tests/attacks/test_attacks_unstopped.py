"""What the holder of the seal's secret can do in entropy mode (a), and of all keys anywhere: not stopped, but said.

Each is tried, and works; `verify` prints every time that it could have been done.
"""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec import structs
from tests.attacks.attacks_deeds import (
    newest,
    next_intent,
)
from tests.attacks.attacks_world import Scene
from tests.attacks.conftest import Stage

from detent.assembly.office import open_office
from detent.evaluate import Chain, ItemStream, decode_rows, opening_seed
from detent.ledger._edge import Edge
from detent.ledger._merkle import leaf_hash
from detent.signing import canonical
from detent.tasks import builtin
from detent.values import (
    Decided,
    Entry,
    IntentWritten,
    OutcomeWritten,
    entry_document,
)
from detent.values.folder import folder_digest


@dataclass(frozen=True)
class Said:
    """What nothing here stops: it is tried, it works, and `verify` and the README say that it may be done.

    phrase: of the requirement. tries: does it, and asserts that it works. says: what `verify` prints every time.
    in_short: for people.
    """

    phrase: str
    tries: Callable[[Scene], object]
    says: str
    in_short: str


def seed_of(scene: Scene, entries: list[Entry], intent: IntentWritten) -> bytes:
    """From what an opening would draw its problems, were that its intent on that ledger: who has the secret knows."""
    chain = Chain(bytes.fromhex((scene.secrets / "seal.secret").read_text()), 100)
    leaves = [leaf_hash(canonical(entry_document(entry))) for entry in (*entries, intent)]
    edge, _ = Edge().grown(leaves)
    return opening_seed(chain.reveal(intent.intent.k), intent.intent.k, leaves[-1], edge.root())


def ground_by_metadata(scene: Scene) -> None:
    """One candidate under twenty digests, by a word in a file that computes nothing."""
    entries, intent = scene.entries(), next_intent(scene)
    folder = scene.root / "ground"
    shutil.copytree(scene.folder.models / intent.intent.candidate, folder)
    seeds = set()
    for number in range(20):
        (folder / "generation_config.json").write_text(json.dumps({"comment": number}))
        about = structs.replace(intent.intent, candidate=folder_digest(folder))
        seeds.add(seed_of(scene, entries, structs.replace(intent, intent=about)))
    assert len(seeds) == 20
    shutil.rmtree(folder)


def ground_by_junk(scene: Scene) -> None:
    """Each piece of junk in the inbox is an entry, and so another root; they stay on the ledger."""
    entries, intent = scene.entries(), next_intent(scene)
    seeds = {seed_of(scene, entries, intent)}
    for number in range(3):
        scene.hand_in(f"junk {number}", f"{number}.dsse")
        with open_office(scene.run) as office:
            office.take_in()
        seeds.add(seed_of(scene, scene.entries(), intent))
    assert len(seeds) == 4
    assert any("3 things handed to the run were refused" in note for note in scene.verified().notes)


def peeked(scene: Scene) -> None:
    """The problems of the next opening, before anything of it is on the ledger; the opening then draws those."""
    seed = seed_of(scene, scene.entries()[:-1], newest(scene, IntentWritten))
    intent = newest(scene, IntentWritten).intent
    looked = [
        item.problem.prompt
        for item in ItemStream(seed, intent.targets[0], {"copy": builtin("copy")}).take(0, 5)
    ]
    scene.turn()
    rows = decode_rows((scene.folder.answers / newest(scene, OutcomeWritten).outcome.answers).read_bytes())
    assert [row.prompt for row in rows[:5]] == looked


def forked_with_secrets(scene: Scene) -> None:
    """A copy of folder and secrets spends the same lease once more; neither knows of the other."""
    other = Scene(scene.root.with_name("other"))
    shutil.copytree(scene.root, other.root, symlinks=True)
    scene.turn()
    with other.here():
        other.turn()
        assert other.verified().faults == []
    assert other.state().spent == scene.state().spent == 2


def cut_off_with_the_mark(scene: Scene) -> None:
    """The newest generation never was, when the mark is taken away too."""
    size = len(scene.record())
    scene.turn()
    scene.rewrite(scene.record()[:size])
    (scene.secrets / "mark").unlink()
    scene.turn()


def dated_ahead(scene: Scene) -> None:
    """The ledger believes the machine's clock, as long as it goes on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", "2026-01-31T23:00:00Z")
        scene.turn()
    assert newest(scene, Decided).at == "2026-01-31T23:00:00Z"


GRINDING = (
    r"sealed against the operator: .*\(mode a\).* could look at problems before an intent, or try candidates"
)
WHOLE = r"that this is the whole ledger, and the only one: .* take entries off the end, .* or keep two and show one"

NOT_STOPPED: dict[str, tuple[str, Said]] = {
    "the operator who has the secret grinds a candidate's digest by metadata": (
        "grown",
        Said(
            "grind digests by metadata",
            ground_by_metadata,
            GRINDING,
            "each digest that is opened costs budget",
        ),
    ),
    "the operator who has the secret grinds the root by junk entries": (
        "grown",
        Said(
            "grind roots by junk entries", ground_by_junk, GRINDING, "the junk stays, and `verify` counts it"
        ),
    ),
    "the operator who has the secret tries 20 candidates and records the lucky one": (
        "grown",
        Said(
            "propose 20 and keep the lucky one",
            ground_by_metadata,
            GRINDING,
            "those recorded pay budget each",
        ),
    ),
    "the operator who has the secret looks at the problems early": (
        "frozen",
        Said("open the seal early", peeked, GRINDING, "a confined model cannot"),
    ),
    "the operator forks folder and secrets, and spends the lease in both": (
        "grown",
        Said("fork the folder", forked_with_secrets, WHOLE, "without the secrets neither goes on"),
    ),
    "the operator takes the newest entries off, and the mark away": (
        "grown",
        Said("delete the last ledger entries", cut_off_with_the_mark, WHOLE, "without the keys nobody can"),
    ),
    "the operator sets the machine's clock ahead": (
        "grown",
        Said(
            "set the clock back",
            dated_ahead,
            "that the times are true: .*machine's clock",
            "never back again",
        ),
    ),
}


@pytest.mark.parametrize("name", NOT_STOPPED)
def test_what_is_not_stopped_is_said(stage: Stage, name: str) -> None:
    base, said = NOT_STOPPED[name]
    scene = stage(base)
    said.tries(scene)
    findings = scene.verified()
    assert [one.faults for one in findings.faults] == []
    assert any(re.search(said.says, line) for line in findings.unproven), findings.unproven
    assert any(line.startswith("not proven") and re.search(said.says, line) for line in findings.lines)


def test_the_readme_says_what_the_operator_could_do() -> None:
    text = " ".join((Path(__file__).parents[2] / "README.md").read_text("utf-8").split())
    said = "can try out candidates until one passes, look at problems early, cut the ledger's end, or keep two ledgers"
    assert said in text
