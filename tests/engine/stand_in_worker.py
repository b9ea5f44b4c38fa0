"""Speaks a worker's side of the pipes without loading anything; some prompts make it misbehave.

Started as `python stand_in_worker.py --models DIR ... [--nursery]`; answers each prompt with its own text reversed.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path


def say(**record):
    os.write(1, json.dumps(record, separators=(",", ":")).encode() + b"\n")


def fail(error, message):
    return {"type": "failure", "error": error, "message": message}


def misbehave(prompt):
    match prompt:
        case "!die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "!leave":
            sys.exit(3)
        case "!stall":
            time.sleep(60)
        case "!deaf":
            os.close(0)
            os.close(1)
            time.sleep(60)
        case "!garbage":
            os.write(1, b"Epoch 1/3: 100%\n")
        case "!flood":
            while True:
                os.write(1, b"x" * 65536)
        case "!progress":
            for done in range(3):
                say(type="progress", phase="answer", done=done, total=3)
        case "!creep":
            for done in range(10):
                time.sleep(0.1)
                say(type="progress", phase="answer", done=done, total=10)
        case "!few":
            say(type="answers", completions=[])
        case "!kind":
            say(type="labels", kept=[], offered={})
        case "!ready":
            say(type="ready")


def answer(job, models):
    if job["type"] == "build":
        return {
            "type": "built",
            "folder": "../../models/x" if job["seed"] == 13 else "built-1",
            "parameters": 1,
        }
    if job["type"] == "label":
        row = {"task": "copy", "level": 9, "prompt": "C1=", "completion": "1"}
        return {"type": "labels", "kept": [row], "offered": {}}
    if job["type"] != "answer":
        return fail("UsageError", "not here")
    if not (models / job["model"]).is_dir():
        return fail("SubjectError", f"no model {job['model']}")
    for prompt in job["prompts"]:
        misbehave(prompt)
    return {"type": "answers", "completions": [prompt[::-1] for prompt in job["prompts"]]}


def main():
    models = Path(sys.argv[sys.argv.index("--models") + 1])
    say(type="ready")
    for line in sys.stdin:
        if line.strip():
            say(**answer(json.loads(line), models))
        else:
            say(type="ready")


main()
