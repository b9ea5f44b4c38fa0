"""What a straight line reads off a layer: linear probes, made once on the first model and tried on every later one.

    >>> section(look).probes[3]
    Probe(trait='level', layer=3, accuracy=(0.61, 0.23), chance=0.07, shuffled=0.06, anew=(0.61, 0.83))

Probes: Alain and Bengio, "Understanding intermediate layers using linear classifier probes" (arXiv 1610.01644). A
reading is made by least squares onto the indicators of k classes, with a ridge. X (n, d) holds the n rows of a layer,
each feature less its mean and over its deviation; Y (n, k) is 1 for a row's class, less the share of that class:

    W = (X'X + RIDGE n I)^-1 X'Y,        class of x = argmax (x W + shares)

in closed form, in float64; where d > n in its dual form, X' (XX' + RIDGE n I)^-1 Y, which is the same. RIDGE is fixed:
a strength chosen by what it makes of the test would be a second look at it.

A row is a place of a model's own answer to a prompt, and its features are what the layer holds where that token is
predicted; the first place is the prompt's last token. Each model reads its own answers: what it knows as it works. A
reading is made on every second prompt and tried on the others. It is never changed, mean and deviation included, so a
later accuracy falls when the knowledge goes, and also when it only turns. So each stands beside a reading that is made
anew on each model: where that still reads it, it is written in another way; where it does not, a line reads it no more.

Control: the same on classes that were dealt at random (Hewitt and Liang, "Designing and Interpreting Probes with
Control Tasks", arXiv 1909.03368), among the prompts at one place, so that what the place alone says stays in it. A
reading that beats chance and not its control says nothing of the layer. That a trait can be read does not show that
the model uses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from detent.interpret.look import Absent, Look
from detent.interpret.reading import Text, readings, written
from detent.subject.load import Subject
from detent.values.inside import Known, Probe, Probes

RIDGE = 0.1
"""Of the mean feature, whose variance is 1, how much is given away."""

PLACES = 16
"""Places of an answer that are read; a long one has more, which would count as often as many prompts."""

POSITIONS = 8
"""Classes of the trait "position"."""

LEAST_ROWS = 16
"""Rows that are made on, and rows that are tested on, without which there is no accuracy."""

LEAST_OF_A_CLASS = 4
"""Of "right": tested answers of either kind, since its accuracy is the mean of both."""

DEALS = 8
"""Random dealings of classes that a control is the mean of."""

POSITION, RIGHT = "position", "right"
UNKNOWN = -1

_ROUNDING = 1e-6


def section(look: Look) -> Probes:
    """Readings of every trait at every layer of the first model.

    The accuracy of "right" is the mean over right and wrong answers of how many of them are told, and its chance
    1/2: models differ in how many they get right.

    Raises:
        Absent: nothing is known, or too little of it to make a reading.
    """
    known = look.job.known
    if not isinstance(known, Known):
        raise Absent("nothing was told that a reading could be made of")
    every = [_seen(look, known, number) for number in range(len(known.models))]
    probes = [
        probe
        for trait in (*sorted(known.traits), POSITION, RIGHT)
        for layer in range(len(every[0].layers))
        for probe in _probe(look, every, trait, layer)
    ]
    if not probes:
        raise Absent(
            f"fewer than {LEAST_ROWS} answers of at least two classes were there to make a reading on"
        )
    return Probes(probes=tuple(probes), models=known.models, prompts=len(known.prompts) // 2)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A model's n rows. layers: each (n, d), as computed. place, tested: (n,). classes: (n,) by trait."""

    layers: list[Tensor]
    place: Tensor
    tested: Tensor
    classes: Mapping[str, Tensor]


def _seen(look: Look, known: Known, number: int) -> _Seen:
    """What one of the models makes of the prompts and its own answers to them."""
    subject = look.model(known.models[number])
    limits = [min(one, PLACES) for one in look.limits(subject, known.prompts)]  # what comes after is not read
    texts = written(subject, known.prompts, limits)
    rows: list[Tensor] = []
    places: list[Tensor] = []
    layered: list[list[Tensor]] = []
    for one in readings(subject.model, texts):
        rows.append(one.row.cpu())
        places.append(one.place.cpu())
        layered.append([layer.cpu() for layer in one.layers])
    row, place = torch.cat(rows), torch.cat(places)
    order = torch.argsort(row * PLACES + place)  # by prompt, whatever the batches were
    layers = [torch.cat(parts)[order] for parts in zip(*layered, strict=True)]
    row, place = row[order], place[order]
    return _Seen(layers, place, row % 2 == 1, _classes(subject, texts, known, number, row, place))


def _classes(  # noqa: PLR0917
    subject: Subject, texts: Sequence[Text], known: Known, number: int, row: Tensor, place: Tensor
) -> dict[str, Tensor]:
    at_first = {name: all(len(one) < 2 for one in rows) for name, rows in known.traits.items()}  # noqa: PLR2004
    signs = [_a_token_a_sign(subject, text) for text in texts]
    found: dict[str, Tensor] = {}
    for name, rows in known.traits.items():
        # What is said of an answer's signs is said of its tokens only where these are the same.
        told = [one if at_first[name] or same else () for one, same in zip(rows, signs, strict=True)]
        found[name] = torch.tensor(
            [
                told[r][p] if p < len(told[r]) else UNKNOWN
                for r, p in zip(row.tolist(), place.tolist(), strict=True)
            ]
        )
    right = torch.tensor(known.right[number], dtype=torch.long)
    found[RIGHT] = torch.where(place == 0, right[row], UNKNOWN)
    found[POSITION] = torch.where(place < POSITIONS, place, UNKNOWN)
    return found


def _a_token_a_sign(subject: Subject, text: Text) -> bool:
    """Whether each token of an answer, its end mark apart, is one sign of it."""
    special = set(subject.tokenizer.all_special_ids)
    said = [one for one in text.ids[text.start :] if one not in special]
    return len(subject.tokenizer.decode(said)) == len(said)


def _probe(look: Look, every: Sequence[_Seen], trait: str, layer: int) -> list[Probe]:
    """A reading of one trait off one layer, tried on each model; none where the first cannot have one."""
    look.beat()
    first = every[0]
    classes = first.classes[trait]
    known = classes != UNKNOWN
    made_on = ~first.tested & known
    if not _enough(classes[made_on]):
        return []
    ground = _Ground.of(first.layers[layer][made_on])
    made = ground.reading(classes[made_on])
    if (own := _accuracy(made, first, trait, layer)) is None:
        return []
    rest = [_accuracy(made, one, trait, layer) for one in every[1:]]
    anew = [_anew(one, trait, layer) for one in every[1:]]
    truth = classes[first.tested & known]
    chance = 0.5 if trait == RIGHT else int(truth.bincount().max()) / len(truth)
    shuffled = _control(ground, first, trait, layer, look.job.seed)
    return [Probe(trait, layer, (own, *rest), chance, shuffled, anew=(own, *anew))]


def _enough(classes: Tensor) -> bool:
    """Whether a reading can be made on rows of these classes."""
    return len(classes) >= LEAST_ROWS and len(torch.unique(classes)) > 1


@dataclass(frozen=True, slots=True)
class _Reading:
    """mean, deviation: (d,). names: the k classes, rising. weights: (d, k). shares: (k,)."""

    mean: Tensor
    deviation: Tensor
    names: Tensor
    weights: Tensor
    shares: Tensor

    def told(self, rows: Tensor) -> Tensor:
        """The class of each row (m, d)."""
        scores = ((rows.double() - self.mean) / self.deviation) @ self.weights + self.shares
        return self.names[scores.argmax(1)]


@dataclass(frozen=True, slots=True)
class _Ground:
    """The n rows that readings are made on. x: (n, d), standardised. factor: of the smaller of both forms' matrices."""

    mean: Tensor
    deviation: Tensor
    x: Tensor
    factor: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> "_Ground":
        x = rows.double()
        mean, deviation = x.mean(0), x.std(0, correction=0)
        # A feature that is the same in every row says nothing, however a later model has it.
        deviation = torch.where(deviation > _ROUNDING * (_ROUNDING + mean.abs()), deviation, torch.inf)
        x = (x - mean) / deviation
        n, d = x.shape
        gram = x.T @ x if d <= n else x @ x.T
        return cls(
            mean, deviation, x, torch.linalg.cholesky(gram + RIDGE * n * torch.eye(len(gram)).double())
        )

    def reading(self, classes: Tensor) -> _Reading:
        """Of these rows' classes (n,)."""
        names = torch.unique(classes)
        y = (classes[:, None] == names).double()
        shares = y.mean(0)
        if self.x.shape[1] <= self.x.shape[0]:
            weights = torch.cholesky_solve(self.x.T @ (y - shares), self.factor)
        else:
            weights = self.x.T @ torch.cholesky_solve(y - shares, self.factor)
        return _Reading(self.mean, self.deviation, names, weights, shares)


def _accuracy(made: _Reading, seen: _Seen, trait: str, layer: int) -> float | None:
    if layer >= len(seen.layers) or seen.layers[layer].shape[1] != len(made.mean):
        return None
    used = seen.tested & (seen.classes[trait] != UNKNOWN)
    return _share(made.told(seen.layers[layer][used]), seen.classes[trait][used], even=trait == RIGHT)


def _anew(seen: _Seen, trait: str, layer: int) -> float | None:
    """Of a reading that is made on the model itself."""
    made_on = ~seen.tested & (seen.classes[trait] != UNKNOWN)
    if layer >= len(seen.layers) or not _enough(seen.classes[trait][made_on]):
        return None
    made = _Ground.of(seen.layers[layer][made_on]).reading(seen.classes[trait][made_on])
    return _accuracy(made, seen, trait, layer)


def _share(told: Tensor, truth: Tensor, *, even: bool) -> float | None:
    """How many are told; the mean over the classes of that where they are to count evenly."""
    if len(truth) < LEAST_ROWS:
        return None
    hits = (told == truth).double()
    if not even:
        return float(hits.mean())
    kinds = [hits[truth == name] for name in (0, 1)]
    if min(map(len, kinds)) < LEAST_OF_A_CLASS:
        return None
    return float(sum(kind.mean() for kind in kinds) / 2)


def _control(ground: _Ground, first: _Seen, trait: str, layer: int, seed: int) -> float:
    """What readings made on, and tried on, classes dealt at random get; the mean of several dealings."""
    drawn = torch.Generator().manual_seed(seed % (1 << 63))
    known = first.classes[trait] != UNKNOWN
    got = []
    for _ in range(DEALS):
        dealt = _dealt(first, trait, drawn)
        made = ground.reading(dealt[~first.tested & known])
        tried = first.tested & known
        # As many of each class as before the dealing, so that there is a share where there was one.
        got.append(_share(made.told(first.layers[layer][tried]), dealt[tried], even=trait == RIGHT) or 0.0)
    return sum(got) / DEALS


def _dealt(first: _Seen, trait: str, drawn: torch.Generator) -> Tensor:
    """The classes, made on and tested each by themselves, dealt anew among the rows of one place; of places, of all."""
    dealt = first.classes[trait].clone()
    known = dealt != UNKNOWN
    for half in (first.tested, ~first.tested):
        for place in (None,) if trait == POSITION else range(PLACES):
            rows = (half & known & (True if place is None else first.place == place)).nonzero()[:, 0]
            dealt[rows] = dealt[rows[torch.randperm(len(rows), generator=drawn)]]
    return dealt
