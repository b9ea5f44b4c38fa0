"""Speaks a worker's side of the pipes without loading anything; some prompts make it misbehave.

Started as `python stand_in_worker.py --models DIR ... [--nursery]`; answers each prompt with its own text reversed.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def say(**record: Any) -> None:
    os.write(1, json.dumps(record, separators=(",", ":")).encode() + b"\n")


def deaf() -> None:
    os.close(0)
    os.close(1)
    time.sleep(60)


def flood() -> None:
    while True:
        os.write(1, b"x" * 65536)


def tell(done: int, pause: float = 0.0) -> None:
    for number in range(done):
        time.sleep(pause)
        say(type="progress", phase="answer", done=number, total=done)


MISDEEDS: dict[str, Callable[[], object]] = {
    "!die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "!leave": lambda: sys.exit(3),
    "!stall": lambda: time.sleep(60),
    "!deaf": deaf,
    "!garbage": lambda: os.write(1, b"Epoch 1/3: 100%\n"),
    "!flood": flood,
    "!progress": lambda: tell(3),
    "!creep": lambda: tell(10, pause=0.1),
    "!few": lambda: say(type="answers", completions=[]),
    "!kind": lambda: say(type="labels", kept=[], offered={}),
    "!ready": lambda: say(type="ready"),
}


def answer(job: dict[str, Any], models: Path) -> dict[str, Any]:
    match job["type"]:
        case "build":
            return {
                "type": "built",
                "folder": "../../models/x" if job["seed"] == 13 else "built-1",
                "parameters": 1,
            }
        case "label":
            row = {"task": "copy", "level": 9, "prompt": "C1=", "completion": "1"}
            return {"type": "labels", "kept": [row], "offered": {}}
        case "interpret":
            apart = float(len(set(job["models"])) - 1)
            divergence = -1.0 if "!less" in job["prompts"] else apart
            figures = {
                "weights": {"modules": [], "share": apart},
                "words": {"divergence": divergence, "flips": apart, "tokens": 4},
            }
            return {"type": "interpreted"} | {name: figures[name] for name in job["sections"]}
    if not (models / job["model"]).is_dir():
        return {"type": "failure", "error": "SubjectError", "message": f"no model {job['model']}"}
    for prompt in job["prompts"]:
        MISDEEDS.get(prompt, int)()
    return {"type": "answers", "completions": [prompt[::-1] for prompt in job["prompts"]]}


def main() -> None:
    models = Path(sys.argv[sys.argv.index("--models") + 1])
    say(type="ready")
    for line in sys.stdin:
        if line.strip():
            say(**answer(json.loads(line), models))
        else:
            say(type="ready")


main()
