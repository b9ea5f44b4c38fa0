"""What a row of the tables says of an attack, and what is asserted of each: refused, named, on the ledger, usable.

>>> assert_stopped(scene, attack)
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.attacks.attacks_world import Scene, text_of

from detent.errors import DetentError

Tries = Callable[[Scene], object]


@dataclass(frozen=True)
class Attack:
    """One attack, tried for real.

    phrase: of the requirement, whose case it is. tries: does it; what it raises is what refused it.
    by: what refuses it, for people. error: what was raised, None where nothing is. says: what its message, entry or
    fault says (a regular expression); those that name what was expected say so.
    seen: where it is seen: the kind of an entry; or `verify` and the check whose fault, or `note`, it is, where the
    ledger's bytes were changed and no entry can say so: the folder is put back as it was then.
    fault: what `verify` says, where that is not what was raised.
    base: the run that it is tried on. after: more that must be so then.
    """

    phrase: str
    tries: Tries
    by: str
    says: str
    seen: str
    error: type[DetentError] | None = None
    fault: str = ""
    base: str = "grown"
    after: Tries = field(default=lambda _: None)


def assert_stopped(scene: Scene, attack: Attack) -> None:
    """Try it; it is refused, named, seen where the row says, and the run goes on afterwards."""
    kept = scene.run.with_name("kept")
    shutil.copytree(scene.root, kept, symlinks=True)
    before = len(scene.entries())
    caught = _caught(scene, attack.tries)
    assert type(caught) is (attack.error or type(None)), caught
    if caught is not None:
        _assert_named(str(caught), attack.says)
    if attack.seen.startswith("verify"):
        _assert_found(scene, attack)
        for part in ("run", "data"):
            shutil.rmtree(scene.root / part)
            shutil.copytree(kept / part, scene.root / part, symlinks=True)
    else:
        said = [text_of(entry) for entry in scene.entries()[before:] if entry.kind == attack.seen]
        assert any(re.search(attack.says, text) for text in said), said
    attack.after(scene)
    assert_usable(scene)


def assert_usable(scene: Scene) -> None:
    """The generation in progress, or the next one, closes, and the whole record is sound."""
    generation = scene.state().generation
    for _ in range(2):  # with an answer between them, where people are asked
        scene.answered()
        scene.turn()
        if scene.state().generation > generation:
            break
    assert scene.state().generation > generation, scene.turn()
    assert [(one.check, one.faults) for one in scene.verified().faults] == []


def _caught(scene: Scene, tries: Tries) -> DetentError | None:
    try:
        tries(scene)
    except DetentError as error:
        return error
    return None


def _assert_named(said: str, says: str) -> None:
    assert re.search(says, said), said
    assert re.search(r"expected.*got", said, re.DOTALL), said


def _assert_found(scene: Scene, attack: Attack) -> None:
    check = attack.seen.partition(" ")[2]
    findings = scene.verified()
    faults: dict[str, Any] = {one.check: one.faults for one in findings.faults} | {"note": findings.notes}
    assert any(re.search(attack.fault or attack.says, fault) for fault in faults.get(check, ())), faults
