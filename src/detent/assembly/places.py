"""Where everything of a run lies: the run folder, which may be shown to anyone, and the secrets, which may not."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from detent.errors import UsageError


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths inside one run folder."""

    root: Path

    @property
    def charter(self) -> Path:
        """The charter's text, for people; what counts is the envelope."""
        return self.root / "charter.toml"

    @property
    def envelope(self) -> Path:
        """The signed charter."""
        return self.root / "charter.dsse"

    @property
    def ledger(self) -> Path:
        """A tlog-tiles log."""
        return self.root / "ledger"

    @property
    def models(self) -> Path:
        """models/<digest>/ and the link models/incumbent."""
        return self.root / "models"

    @property
    def data(self) -> Path:
        """Training data, data/<digest>.jsonl; workers read it."""
        return self.root / "data"

    @property
    def answers(self) -> Path:
        """What openings asked and got; workers never see it."""
        return self.root / "answers"

    @property
    def states(self) -> Path:
        """What optimizers remember of the models' trainings, states/<digest>/, where the charter carries it on."""
        return self.root / "states"

    @property
    def staging(self) -> Path:
        """Where workers write."""
        return self.root / "staging"

    @property
    def tasks(self) -> Path:
        """Copies of the users' own files, of tasks and tripwires."""
        return self.root / "tasks"

    @property
    def subject(self) -> Path:
        """A copy of the model folder the charter names, when it names one."""
        return self.root / "subject"

    @property
    def judge(self) -> Path:
        """A copy of the model folder of the charter's judge, when it names one."""
        return self.root / "judge"

    @property
    def served(self) -> Path:
        """What model servers answered and were paid for; a sampler writes it."""
        return self.root / "served"

    @property
    def inbox(self) -> Path:
        """Where people hand in what they signed: leases, orders, answers, amendments."""
        return self.root / "inbox"

    @property
    def log_key(self) -> Path:
        """The verify key of the ledger's checkpoints."""
        return self.root / "log.vkey"

    @property
    def log(self) -> Path:
        """What workers printed."""
        return self.root / "logs" / "worker.log"

    @property
    def report(self) -> Path:
        """The report."""
        return self.root / "reports" / "report.html"

    @property
    def trackers(self) -> Path:
        """What trackers show: TensorBoard's events, MLflow's files, offline runs of Weights & Biases."""
        return self.root / "trackers"

    def check(self) -> None:
        """Raises UsageError unless this is a run folder."""
        if not self.envelope.is_file() or not self.ledger.is_dir():
            raise UsageError(
                f"a run folder with charter.dsse and ledger/ expected, got {self.root}; "
                f"make one with: detent init {self.root}"
            )


def data_folder() -> Path:
    """The user's data folder for Detent: keys and secrets. DETENT_DATA moves it."""
    given = os.environ.get("DETENT_DATA")
    return Path(given) if given else user_data_path("detent")


def fetched_models(repo: str) -> Path:
    """Where `fetch` puts the commits of ORG/MODEL when no folder is named, each under its own 40 digits."""
    return data_folder() / "models" / repo


def steward_key_path() -> Path:
    """Where `init` and `lease` look for the steward's key when none is named."""
    return data_folder() / "keys" / "steward.pem"


def recovery_key_path(tip: str) -> Path:
    """Where `init` leaves the recovery key of a run whose quorum is one; its steward moves it to another place."""
    return data_folder() / "keys" / f"recovery-{tip[:16]}.pem"


def enrolments_folder() -> Path:
    """Codes by which browsers enrol keys, each hashed, until it is used or has expired."""
    return data_folder() / "enrolments"


def secrets_folder(tip: str) -> Path:
    """Where the secrets of the run with that seal live; the tip (hex) names it."""
    if not re.fullmatch(r"[0-9a-f]{64}", tip):
        raise UsageError(f"a tip of 64 hex digits expected, got {tip!r}; is the charter complete?")
    return data_folder() / "runs" / tip[:16]


def seal_path(tip: str) -> Path:
    """The seal's secret."""
    return secrets_folder(tip) / "seal.secret"


def mark_path(tip: str) -> Path:
    """How far the run's ledger had come when this user last wrote to it."""
    return secrets_folder(tip) / "mark"


def log_key_path(tip: str) -> Path:
    """The key that signs the ledger's checkpoints."""
    return secrets_folder(tip) / "log.pem"


def witness_mark_path(key_id: str) -> Path:
    """How often the state of the witness with that key (SHA-256 of its verify key, hex) was written."""
    return data_folder() / "witnesses" / f"{key_id[:16]}.mark"


def auditor_mark_path(tip: str) -> Path:
    """How far the log of the auditor who holds the chain with that tip had come."""
    return data_folder() / "auditors" / f"{tip[:16]}.mark"


def second_key_path(tip: str) -> Path:
    """The key of the ledger's second signature, where the charter asks for one."""
    return secrets_folder(tip) / "log-ml-dsa.pem"
