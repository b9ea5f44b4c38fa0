"""The model provider `detent` of Inspect AI: a run's models, by digest, answered by the ordinary workers.

    inspect eval task.py --model detent/DIGEST -M run=my-run

Inspect finds it by its entry point. The digest is the name, since Inspect keeps a model that it has once made under its
name: a name such as `incumbent` would go on meaning yesterday's weights. It imports inspect-ai: nobody imports it here.
"""

from asyncio import Lock, to_thread
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inspect_ai.model import GenerateConfig, ModelAPI, ModelOutput, modelapi

from detent.assembly.places import RunFolder
from detent.assembly.reading import signed_charter
from detent.assembly.running import worker_engine
from detent.engine import LocalEngine, ModelStore, check_libraries
from detent.errors import EngineError, UsageError
from detent.values import AnswerJob, Answers
from detent.values.room import room_for


class DetentAPI(ModelAPI):
    """One model of a run. Prompts are the texts of the messages, an answer is greedy."""

    def __init__(
        self, model_name: str, base_url: str | None = None, api_key: str | None = None, **more: Any
    ) -> None:
        """Believe the model's files by its digest; no worker is started yet.

        Args:
            model_name: the digest.
            base_url: of no use here.
            api_key: likewise.
            more: `config` as Inspect gives it; `run`, the run folder; `heard`, a file to touch with each answer.
        """
        super().__init__(model_name, base_url, api_key, [], more.get("config") or GenerateConfig())
        if "run" not in more:
            raise UsageError("a run folder expected, got none; add -M run=DIR")
        check_libraries()
        run = RunFolder(Path(str(more["run"])))
        charter = signed_charter(run).charter
        ModelStore(run.models).path(model_name)
        self._room = charter.subject.room
        self._staging = TemporaryDirectory(prefix="detent-")
        self._engine: LocalEngine = worker_engine(run, Path(self._staging.name), charter)
        self._lock = Lock()
        self._heard = Path(str(more["heard"])) if "heard" in more else None

    async def generate(
        self,
        input: list[Any],  # noqa: A002  Inspect's name for it
        tools: list[Any],  # noqa: ARG002
        tool_choice: Any,  # noqa: ARG002
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer one conversation. Tools are not offered: these models know none."""
        prompt = "\n\n".join(message.text for message in input)
        room = room_for(len(prompt), self._room, config.max_tokens or 0)
        job = AnswerJob(model=self.model_name, prompts=(prompt,), extra_tokens=room)
        async with self._lock:  # an engine is for one caller at a time
            result = await to_thread(self._engine.run, job, lambda _: None)
        if not isinstance(result, Answers):
            raise EngineError(f"an answer expected, got {type(result).__name__}; try again")
        if self._heard is not None:
            self._heard.touch()
        return ModelOutput.from_content(f"detent/{self.model_name}", result.completions[0])

    def max_connections(self) -> int:
        """One: the engine does one job at a time."""
        return 1

    async def aclose(self) -> None:
        """End the worker."""
        self._engine.close()
        self._staging.cleanup()


@modelapi(name="detent")
def detent() -> type[ModelAPI]:
    """As Inspect registers it."""
    return DetentAPI
