"""The real engine and a real node's side, with a worker that starts in no time and can be told to misbehave."""

import sys
from pathlib import Path

from detent.engine import LocalEngine
from detent.engine._post import Post

STAND_IN = Path(__file__).with_name("stand_in_worker.py")


class StandInEngine(LocalEngine):
    """The real engine but for what it starts."""

    def _command(self, *, fresh: bool) -> list[str]:
        command = super()._command(fresh=fresh)
        return ["/usr/bin/env", "-i", sys.executable, str(STAND_IN), *command[command.index("--threads") :]]


class StandInPost(Post):
    """The real node's side but for what it starts."""

    engine_class = StandInEngine
