"""A log, three labs and two regulators with keys of their own, and the policies that name them."""

import hashlib

from hypothesis import strategies as st

from detent.ledger import Checkpoint, CosigningKey, Note, Policy
from detent.ledger.notes import Signature
from detent.signing import SigningKey

AT = 1_900_000_000
LOG = SigningKey.from_seed("example.com/run", bytes(range(32)))
OTHER_LOG = SigningKey.from_seed("example.com/other", b"o" * 32)
CHECKPOINT = Checkpoint("example.com/run", 7, hashlib.sha256(b"root").digest())
WITNESSES = {
    "lab-a": CosigningKey.create("lab-a.example/w"),
    "lab-b": CosigningKey.create("lab-b.example/w", "ml-dsa-44"),
    "lab-c": CosigningKey.create("lab-c.example/w"),
    "agency": CosigningKey.create("agency.example/w"),
    "ministry": CosigningKey.create("ministry.example/w", "ml-dsa-44"),
}
LABS = ("lab-a", "lab-b", "lab-c")
KEY_LINES = "".join(
    [
        f"log {LOG.verify_key}\n",
        *(f"witness {name} {key.verify_key}\n" for name, key in WITNESSES.items()),
    ]
)
TWO_LABS_AND_A_REGULATOR = (
    f"# 2 of 3 labs and any regulator\n{KEY_LINES}\n"
    "group labs 2 lab-a lab-b lab-c\n"
    "group regulators any agency ministry\n"
    "group both all labs regulators\n"
    "quorum both\n"
)
POLICY = Policy.parse(TWO_LABS_AND_A_REGULATOR.encode())


def policy(rules: str, keys: str = KEY_LINES) -> Policy:
    return Policy.parse(f"{keys}{rules}".encode())


def log_line(checkpoint: Checkpoint = CHECKPOINT, key: SigningKey = LOG) -> Signature:
    return Signature(key.name, key.verify_key.id, key.sign(checkpoint.text().encode()))


def cosigned(*who: str, checkpoint: Checkpoint = CHECKPOINT) -> Note:
    """The checkpoint, signed by the log and cosigned by these witnesses, a second apart."""
    lines = [WITNESSES[name].cosign(checkpoint, AT + number) for number, name in enumerate(who)]
    return Note(checkpoint.text(), (log_line(checkpoint), *lines))


SPLICES = st.sampled_from(
    [
        b"\n",
        b"\n\n",
        b"\r\n",
        b" ",
        b"\t",
        b"+",
        b"0",
        b"=",
        b"#",
        b"\0",
        b"\xff",
        "\x85".encode(),
        "\u2028".encode(),
    ]
)


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with one to four places cut, doubled, changed, or put something into."""
    for _ in range(draw(st.integers(1, 4))):
        at, to = sorted(draw(st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))))
        match draw(st.sampled_from(["cut", "double", "bytes", "splice", "end"])):
            case "cut":
                data = data[:at] + data[to:]
            case "double":
                data = data[:to] + data[at:]
            case "bytes":
                data = data[:at] + draw(st.binary(max_size=9)) + data[at + draw(st.integers(0, 9)) :]
            case "splice":
                data = data[:at] + draw(SPLICES) + data[at:]
            case _:
                data = data[:to]
    return data
