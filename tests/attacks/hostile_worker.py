"""A worker that does its work as a toy world does, and in the middle of a training attacks whatever it can reach.

Started as `python -c SOURCE ATTACK --threads N --models DIR --data DIR ... [--nursery]`; ATTACK is Python.
"""

import sys
import time
from pathlib import Path
from typing import Any

from detent.testing.toy import ToyRules, ToyWorld
from detent.values import JobFailure, TrainJob
from detent.values.jobs import decode_job, encode_line

attack, options = sys.argv[1], sys.argv[2:]
models = Path(options[options.index("--models") + 1])
tasks: Any = {"copy": None}
world = ToyWorld(models.parent, tasks, ToyRules())
world.made = int(time.time() * 1000)


def say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


say(b'{"type":"ready"}')
for line in sys.stdin.buffer:
    if not line.strip():
        say(b'{"type":"ready"}')
        continue
    job = decode_job(line)
    try:
        if isinstance(job, TrainJob):
            exec(attack)  # noqa: S102  what this process is for
        result = encode_line(world.answer(job))
    except BaseException as error:  # noqa: BLE001  as a worker in earnest reports it
        said = f"a finished job expected, got {type(error).__name__}: {error}"
        result = encode_line(JobFailure(error="EngineError", message=said))
    say(result)
