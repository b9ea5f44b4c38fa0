"""Feedback: from models' own answers to what to train on; knows neither models nor true answers.

Labels that several voters agree on, answers revised by who wrote them, and answers that a judge compared. Models
come in as functions (`Author`, `Judge`), prompts as templates in which data stays data.
"""

from detent.feedback.health import (
    Figure,
    Health,
    Side,
    health,
    kappa,
    known_answers,
    length_preference,
    own_preference,
    swap_consistency,
)
from detent.feedback.judge import (
    Judge,
    Judgement,
    JudgeRule,
    Pair,
    Praiser,
    ScoreRule,
    Verdict,
    judge,
    praised,
    score,
)
from detent.feedback.refine import Author, Draft, Refined, RefineRule, Step, Stopped, refine
from detent.feedback.self_label import Filter, Kept, Written, agreement_rate, ballots, self_label
from detent.feedback.templates import Filled, Piece, Template, joined

__all__ = [
    "Author",
    "Draft",
    "Figure",
    "Filled",
    "Filter",
    "Health",
    "Judge",
    "JudgeRule",
    "Judgement",
    "Kept",
    "Pair",
    "Piece",
    "Praiser",
    "RefineRule",
    "Refined",
    "ScoreRule",
    "Side",
    "Step",
    "Stopped",
    "Template",
    "Verdict",
    "Written",
    "agreement_rate",
    "ballots",
    "health",
    "joined",
    "judge",
    "kappa",
    "known_answers",
    "length_preference",
    "own_preference",
    "praised",
    "refine",
    "score",
    "self_label",
    "swap_consistency",
]
