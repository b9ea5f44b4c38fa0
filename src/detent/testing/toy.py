"""A world in which a model is one number, so that a whole run takes seconds: for tests of the loop's rules.

    >>> world = ToyWorld(folder, tasks)
    >>> engine = FakeEngine(world.answer)

A toy subject has a horizon for every task. It answers a problem of level n right with a chance that falls from
1 to 0 around the horizon; which problems, a hash decides, so the same model answers the same prompt the same
way. To what is no problem it says `?`. Training on labels lifts the horizon where they were right and lowers it
where they were wrong. It learns nothing; it only behaves like something that does.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, inf
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import msgspec
from msgspec import UNSET, structs

from detent.errors import SubjectError
from detent.tasks import Rng, TaskSource
from detent.tasks.malformed import FORM
from detent.testing.toy_inside import toy_inside
from detent.testing.toy_shapes import SHAPE, reshaped_config
from detent.values import (
    AnswerJob,
    Answers,
    BuildJob,
    BuiltModel,
    ElicitJob,
    Example,
    InterpretJob,
    Job,
    Judged,
    JudgeJob,
    LabelJob,
    Labels,
    MergeJob,
    Preference,
    PreferJob,
    ReinforceJob,
    ReshapedModel,
    ReshapeJob,
    Result,
    Revised,
    ReviseJob,
    Revision,
    RevisionStep,
    Ruling,
    Sample,
    Sampled,
    SampleJob,
    Scored,
    ScoreJob,
    SuggestedPoints,
    SuggestJob,
    TrainedModel,
    TrainJob,
)
from detent.values.changes import Setting
from detent.values.feedback import verdict_of
from detent.values.folder import folder_digest
from detent.values.moments import NOTE, TENSORS

WEIGHTS = struct.pack("<Q", 59) + b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}     ' + b"\0" * 4
"""The smallest proper safetensors file."""


@dataclass(frozen=True, slots=True)
class ToyRules:
    """How toy subjects learn. Units: levels.

    seed_horizon: after training on seed levels. step: gained by a training whose frontier labels were right.
    steepness: how sharply accuracy falls at the horizon. noise_cost: lost per unit of noise on the weights.
    held_back: what a subject can do beyond what it shows.
    rotary_ceiling: no horizon is above it while a subject's layers have rotary positions. layer_step: what a block more
        than two adds to every step.
    rotary: whether they have in the beginning.
    """

    seed_horizon: float = 6.0
    step: float = 1.0
    steepness: float = 2.5
    noise_cost: float = 10.0
    held_back: float = 0.0
    rotary_ceiling: float = inf
    rotary: bool = False
    layer_step: float = 0.0


@dataclass(slots=True)
class ToyWorld:
    """Answers jobs as a worker would. `folder` holds models/, data/ and staging/."""

    folder: Path
    tasks: Mapping[str, TaskSource]
    rules: ToyRules = field(default_factory=ToyRules)
    made: int = 0
    known: dict[str, dict[str, float]] = field(default_factory=dict)

    def answer(self, job: Job) -> Result:  # noqa: PLR0911  one a kind of job
        """Do a job; a `FakeEngine`'s handler."""
        match job:
            case BuildJob() | ReshapeJob() | TrainJob() | PreferJob() | ReinforceJob():
                return self._make(job)
            case SampleJob() | ReviseJob() | JudgeJob():
                return self._feed_back(job)
            case LabelJob():
                return self._label(job)
            case AnswerJob():
                lost = self.rules.noise_cost * job.noise
                return Answers(
                    completions=tuple(self._say(job.model, prompt, lost) for prompt in job.prompts)
                )
            case ScoreJob():
                return Scored(log_likelihoods=(0.0,) * len(job.rows))  # a judge that is content with all
            case InterpretJob(prompts=prompts):
                return toy_inside(job, *([self._chance(one, p) for p in prompts] for one in job.models))
            case ElicitJob():
                return self._elicit(job)
            case SuggestJob():
                return suggest(job)
            case MergeJob():
                raise SubjectError("an adapter expected, got a model of the toy world, which is whole")

    def _make(
        self, job: BuildJob | ReshapeJob | TrainJob | PreferJob | ReinforceJob
    ) -> BuiltModel | ReshapedModel | TrainedModel:
        match job:
            case BuildJob():
                config = SHAPE | {"no_rope_layers": [int(self.rules.rotary)] * SHAPE["num_hidden_layers"]}
                folder = self._save(dict.fromkeys(self.tasks, 0.0), job.seed, config)
                return BuiltModel(folder=folder, parameters=1)
            case ReshapeJob():
                return self._reshape(job)
            case TrainJob():
                return self._train(job)
            case PreferJob():
                return self._prefer(job)
            case ReinforceJob():
                return self._lift(job.parent, job.seed, dict.fromkeys(self.tasks, self.rules.step))

    def _feed_back(self, job: SampleJob | ReviseJob | JudgeJob) -> Sampled | Revised | Judged:
        match job:
            case SampleJob():
                return self._sample(job)
            case ReviseJob():
                return self._revise(job)
            case JudgeJob():
                return self._judge(job)

    def horizons(self, digest: str) -> dict[str, float]:
        """What a model of this world can do."""
        if digest not in self.known:
            self.known[digest] = self._read(digest)
        return dict(self.known[digest])

    def _read(self, digest: str) -> dict[str, float]:
        path = self.folder / "models" / digest / "toy.json"
        if not path.is_file():
            raise SubjectError(f"a toy model expected at {path}, got none")
        horizons: dict[str, float] = json.loads(path.read_text())["horizons"]
        return horizons

    def _reshape(self, job: ReshapeJob) -> ReshapedModel:
        """Of another shape, and as able as before; where the edit breaks the function, hardly able at first."""
        config = reshaped_config(self._config(job.parent), job.edit)
        horizons = self.horizons(job.parent)
        kept = horizons if job.edit.keeps else {task: level / 2 for task, level in horizons.items()}
        folder = self._save(kept, job.seed, config)
        return ReshapedModel(folder=folder, parameters=1, distance=0.0 if job.edit.keeps else 0.7)

    def _config(self, digest: str) -> dict[str, Any]:
        config: dict[str, Any] = json.loads((self.folder / "models" / digest / "config.json").read_text())
        return config

    def _train(self, job: TrainJob) -> TrainedModel:
        horizons = self.horizons(job.parent)
        for source in job.sources:
            if source.weight > 0:
                for task, gain in self._lesson(source.data, horizons).items():
                    horizons[task] = max(0.0, horizons[task] + gain * (source.weight > 0))
        config = self._config(job.parent)
        more = self.rules.layer_step * (config["num_hidden_layers"] - SHAPE["num_hidden_layers"])
        ceiling = self.rules.rotary_ceiling if any(config["no_rope_layers"]) else inf
        able = {task: min(ceiling, level + more) for task, level in horizons.items()}
        folder = self._save(able, job.seed, config)
        made = TrainedModel(folder=folder, parameters=1, losses=(1.0, 0.5), flops=1e9, change={"w": 0.1})
        return made if job.optimizer.carry is UNSET else structs.replace(made, state=self._remember(folder))

    def _remember(self, folder: str) -> str:
        """What an optimizer of this world remembers: one number."""
        staging, name = self.folder / "staging", f"state-of-{folder}"
        (staging / name).mkdir()
        (staging / name / TENSORS).write_bytes(WEIGHTS)
        note = {"model": folder_digest(staging / folder), "method": "muon"}
        (staging / name / NOTE).write_text(json.dumps(note))
        return name

    def _lesson(self, data: str, horizons: Mapping[str, float]) -> dict[str, float]:
        """What one file teaches: seed levels up to where they lead, labels by how many are right."""
        rows = (self.folder / "data" / f"{data}.jsonl").read_bytes().splitlines()
        examples = [msgspec.json.decode(row, type=Example) for row in rows]
        lesson = {}
        for task in self.tasks:
            mine = [e for e in examples if e.task == task and e.level > horizons[task] - 2]
            if not mine:
                continue
            right = sum(e.completion == self._truth(e.prompt) for e in mine) / len(mine)
            if max(e.level for e in mine) < self.rules.seed_horizon:
                lesson[task] = max(0.0, self.rules.seed_horizon - horizons[task])
            else:
                lesson[task] = self.rules.step * (2 * right - 1)
        return lesson

    def _label(self, job: LabelJob) -> Labels:
        kept: list[Example] = []
        for task, recipe in job.recipes.items():
            for rung in recipe.rungs:
                prompts = job.prompts[task][str(rung.level)]
                agreed = [p for p in prompts if len({self._say(m, p) for m in job.models}) == 1]
                most = rung.filter.keep or len(agreed)
                kept += [
                    Example(task, rung.level, p, self._say(job.models[0], p), 0.99) for p in agreed[:most]
                ]
        offered = {
            task: {level: len(row) for level, row in rows.items()} for task, rows in job.prompts.items()
        }
        return Labels(kept=tuple(kept), offered=offered)

    def _elicit(self, job: ElicitJob) -> Answers:
        """A little training brings out what a model of this world holds back, and nothing else."""
        held = self.rules.held_back
        return Answers(completions=tuple(self._say(job.model, prompt, -held) for prompt in job.prompts))

    def _sample(self, job: SampleJob) -> Sampled:
        """Each sample as another model of the same horizon would say it."""
        return Sampled(
            samples=tuple(
                tuple(
                    Sample(
                        self._say(job.model, prompt, luck=f"{job.seed}/{number}"), ended=True, confidence=0.9
                    )
                    for number in range(job.samples)
                )
                for prompt in job.prompts
            )
        )

    def _revise(self, job: ReviseJob) -> Revised:
        """A revision is one more try, written as surely as the draft; it is taken, right or wrong."""
        drafts = job.drafts or tuple(self._say(job.model, prompt) for prompt in job.prompts)
        revisions = []
        for prompt, draft in zip(job.prompts, drafts, strict=True):
            text = self._say(job.model, prompt, luck="revised")
            step = RevisionStep("" if job.critique is None else "again", text, 0.9)
            stopped: Literal["same", "rounds"] = "same" if text == draft else "rounds"
            revisions.append(Revision(draft, (step,), text, 0.9, stopped))
        return Revised(revisions=tuple(revisions))

    def _judge(self, job: JudgeJob) -> Judged:
        """It knows right from wrong where it would be right itself; elsewhere it prefers whatever stands first."""
        rulings = []
        for pair in job.pairs:
            truth = self._truth(pair.prompt)
            right = (pair.first == truth) - (pair.second == truth)
            knows = self._say(job.model, pair.prompt) == truth
            odds = (2.0 * right + job.margin * right,) * 2 if knows else (2.0 + job.margin, -2.0 - job.margin)
            rulings.append(Ruling(verdict_of(odds, job.margin), odds))
        return Judged(rulings=tuple(rulings))

    def _prefer(self, job: PreferJob) -> TrainedModel:
        """As labels do: better where what was chosen is right more often than what was rejected."""
        rows = [
            msgspec.json.decode(row, type=Preference)
            for data in job.data
            for row in (self.folder / "data" / f"{data}.jsonl").read_bytes().splitlines()
        ]
        gains = {}
        for task in self.tasks:
            mine = [row for row in rows if self._task(row.prompt) == task]
            if mine:
                right = [
                    (row.chosen == self._truth(row.prompt)) - (row.rejected == self._truth(row.prompt))
                    for row in mine
                ]
                gains[task] = self.rules.step * fmean(right)
        return self._lift(job.parent, job.seed, gains)

    def _lift(self, parent: str, seed: int, gains: Mapping[str, float]) -> TrainedModel:
        horizons = {
            task: max(0.0, level + gains.get(task, 0.0)) for task, level in self.horizons(parent).items()
        }
        folder = self._save(horizons, seed, self._config(parent))
        return TrainedModel(folder=folder, parameters=1, losses=(0.7, 0.5), flops=1e9, change={"w": 0.1})

    def _say(self, model: str, prompt: str, lost: float = 0.0, luck: str = "") -> str:
        if not FORM.fullmatch(prompt):
            return "?"
        truth = self._truth(prompt)
        chance = self._chance(model, prompt, lost)
        drawn = hashlib.sha256(f"{model}{prompt}{luck}".encode()).digest()
        right = int.from_bytes(drawn[:6], "big") / 2**48 < chance
        return truth if right else truth[:-1] + chr(ord("a") + drawn[7] % 26)

    def _chance(self, model: str, prompt: str, lost: float = 0.0) -> float:
        """Of a right answer, when the model's horizon is `lost` levels lower than it is (negative: higher)."""
        level, horizon = len(self._truth(prompt)), self.horizons(model)[self._task(prompt)]
        return 1 / (1 + exp(self.rules.steepness * (level - max(0.0, horizon - lost))))

    def _task(self, prompt: str) -> str:
        return next(task for task in self.tasks if task[0].upper() == prompt[0])

    def _truth(self, prompt: str) -> str:
        digits = prompt[1:-1]
        match self._task(prompt):
            case "reverse":
                return digits[::-1]
            case "sort":
                return "".join(sorted(digits))
            case _:
                return digits

    def _save(self, horizons: Mapping[str, float], seed: int, config: Mapping[str, Any]) -> str:
        self.made += 1
        name = f"toy-{self.made}"
        folder = self.folder / "staging" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "toy.json").write_text(json.dumps({"horizons": dict(horizons), "seed": seed}))
        (folder / "model.safetensors").write_bytes(WEIGHTS)
        return name


def suggest(job: SuggestJob) -> SuggestedPoints:
    """What a search of this world suggests: one key a point, drawn alike from all its values. Nothing is learnt."""
    draw = Rng(job.seed.to_bytes(16, "big"))
    points = []
    for _ in range(job.count):
        dimension = draw.choice(job.space)
        steps = draw.randrange(int(dimension.high - dimension.low) + 1)
        value: Setting = dimension.low + (dimension.high - dimension.low) * draw.randrange(101) / 100
        if dimension.kind == "choice":
            value = draw.choice(dimension.choices)
        elif dimension.kind == "whole":
            value = int(dimension.low) + steps
        points.append({dimension.key: value})
    return SuggestedPoints(points=tuple(points))
