"""[recipe]: how a generation is made, as far as people fix it beforehand. Every default stands here."""

from typing import Annotated, Literal

from pydantic import Field

from detent.charter._form import Bool, Count, Level, Says, Section, Share

Fresh = Annotated[int, Field(ge=64, le=100_000), Says("an integer from 64 to 100000")]
Problems = Annotated[int, Field(ge=1, le=100_000), Says("an integer from 1 to 100000")]
Team = Annotated[int, Field(ge=1, le=16), Says("an integer from 1 to 16")]
Ahead = Annotated[int, Field(ge=0, le=100), Says("an integer from 0 to 100")]
KeepShare = Annotated[float, Field(gt=0, le=100), Says("a number above 0, at most 100")]
Micro = Annotated[int, Field(ge=0, le=1_000_000), Says("an integer from 0 to 1000000")]
Votes = Annotated[int, Field(ge=0, le=64), Says("an integer from 0 to 64")]
Temperature = Annotated[float, Field(gt=0, le=10), Says("a number above 0, at most 10")]
Rate = Annotated[float, Field(gt=0, le=1), Says("a number above 0, at most 1")]


class MixShares(Section):
    """[recipe] mix: shares of a training batch by origin; they sum to 1."""

    newest: Share = 0.5
    earlier: Share = 0.3
    seed: Share = 0.2


class Recipe(Section):
    """[recipe]. Steps are optimizer steps of one batch; problems and prompts count for one task and level.

    team: models that are trained from different seeds, label together and must agree.
    seed_levels, seed_problems: generation 0 is taught true answers on levels 1 .. seed_levels, never above.
    seed_steps, steps: training of generation 0, and of every later one, for each member of the team.
    batch: examples a step. micro_batch: of which so many at a time; 0 is half of a batch.
    optimizer: "muon" trains matrices inside the layers by Muon and the rest by AdamW, "adamw" everything.
    matrix_rate, other_rate: highest learning rates, of Muon and of AdamW.
    carry_optimizer: a training goes on from what the optimizers remembered at the end of the model's last one; rates
        are warmed up again either way.
    profile_problems, fresh_problems: asked to aim by, and to report by.
    audit: self-made labels checked per task and generation; totals only steer.
    least_accuracy: new labels are made up to the highest level at which the team's weakest member is right this
        often in the open. purify_accuracy: the same for a task whose labels the audit found wrong.
    ahead: so many levels below that one are labelled as new too.
    label_prompts: prompts the team answers for itself at each of those levels.
    label_keep: most labels kept there; nor more than keep_share of what the visible accuracy calls right.
    confidence: least token probability a kept label reaches.
    samples: answers that the team's first member draws at `temperature` beside everybody's likeliest one; a label is
        kept only where all of them agree too.
    review_prompts, review_confidence: the same for each level between the seed levels and the frontier.
    """

    team: Team = 2
    seed_levels: Level = 5
    seed_problems: Problems = 4000
    seed_steps: Count = 700
    steps: Count = 120
    batch: Count = 128
    micro_batch: Micro = 0
    optimizer: Annotated[Literal["muon", "adamw"], Says('"muon" or "adamw"')] = "muon"
    matrix_rate: Rate = 0.02
    other_rate: Rate = 0.003
    carry_optimizer: Bool = False
    profile_problems: Problems = 64
    fresh_problems: Fresh = 64
    audit: Problems = 100
    ahead: Ahead = 2
    least_accuracy: Share = 0.5
    label_prompts: Problems = 800
    label_keep: Problems = 400
    keep_share: KeepShare = 0.6
    purify_accuracy: Share = 0.85
    confidence: Share = 0.7
    samples: Votes = 0
    temperature: Temperature = 1.0
    review_prompts: Problems = 120
    review_confidence: Share = 0.5
    mix: MixShares = MixShares()
