"""An auditor: holds a seal's chain in the operator's place, and gives each link out once, for one cosigned intent.

    >>> auditor = Auditor(key, chain, policy, log)
    >>> auditor.release(str(proof).encode()).status
    200

Posted is a C2SP tlog-proof, with the intent's entry as its `extra` and the intent as the last entry of the tree. It has
to satisfy the auditor's own policy, which names the ledger and a quorum of its witnesses. What is given out stands in a
log of the auditor's first, durable; so the same question gets the same bytes, after a crash too, and no other intent
ever gets that link or one before it.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

from detent.coordinate._answers import PLAIN, Answer, RefusedError, Say, otherwise, said
from detent.coordinate.entropy import HeadAt
from detent.coordinate.releases import Asked, Release, digest_of
from detent.errors import StorageError, TrustError, UsageError
from detent.evaluate import Chain
from detent.ledger import LARGEST_ENTRY, Policy, ProofFile, leaf_hash, open_note, sign_note, verify_entry
from detent.signing import SigningKey, canonical
from detent.values import IntentWritten, decode_entry, entry_document, stub_of

LARGEST_ASKED = 400_000
"""Bytes of a request: an entry of 100,000 in base64, 63 hashes, and a note with forty ML-DSA-44 signatures."""


class ReleaseLog(Protocol):
    """What was given out. When `append` returns, it survives a crash."""

    def append(self, entry: bytes) -> int:
        """Write one entry; returns its index."""

    def entries(self, start: int = 0) -> Iterable[bytes]:
        """All entries from `start` on."""


class Auditor:
    """One chain's. One process at a time has its log; any number of threads may ask."""

    def __init__(self, key: SigningKey, chain: Chain, policy: Policy, log: ReleaseLog, say: Say) -> None:
        """Read what was given out before.

        Args:
            key: signs what is given out.
            chain: whose links they are.
            policy: with the run's log and a quorum of its witnesses.
            log: of what is given out; of nobody else.
            say: takes a sentence for who runs it.

        Raises:
            UsageError: the policy names no log, or asks for no witness.
            TrustError: the log holds what this auditor cannot have given out.
        """
        if not policy.logs or policy.met(frozenset()):
            raise UsageError(
                "a policy with the run's `log` line and a quorum of witnesses expected, got one without; add `log` and "
                "the run's log.vkey, and what [witnesses] of its charter says"
            )
        self._key, self._chain, self._policy, self._log, self._say = key, chain, policy, log, say
        self._notes: dict[int, tuple[Asked, str]] = {}
        for entry in log.entries():
            note = open_note(entry, [key.verify_key])
            release = Release.parse(note.text)
            if release.asked.tip != chain.tip or release.asked.k <= self.last:
                raise TrustError(
                    f"links of the chain {chain.tip.hex()[:12]} after {self.last} expected in the log, got "
                    f"{release.asked.k} of {release.asked.tip.hex()[:12]}; restore the folder from its newest copy"
                )
            self._notes[release.asked.k] = (release.asked, str(note))
        self._is_sure = True
        self._turn = threading.Lock()

    @property
    def last(self) -> int:
        """The last link that is out; 0 before the first. Every link before it follows from it."""
        return max(self._notes, default=0)

    def release(self, body: bytes) -> Answer:
        """Answer a request. A link in the answer is durable in the log."""
        with self._turn:
            try:
                return self._released(body)
            except RefusedError as refused:
                return refused.answer
            except (StorageError, TrustError) as error:
                # Whether it was written is found out at the next start: until then nothing is given out.
                self._is_sure = False
                self._say(str(error))  # the sentence names paths: not for those who ask
                return said(500, "this auditor cannot write its log now; ask again later")

    def release_all(self, bodies: Sequence[bytes]) -> list[Answer]:
        """Answer requests one after the other."""
        return [self.release(body) for body in bodies]

    def _released(self, body: bytes) -> Answer:
        if not self._is_sure:
            raise RefusedError(500, "this auditor could not write its log; it has to be started again")
        asked = self._proven(body)
        known = self._notes.get(asked.k)
        if known is not None and known[0] == asked:
            return Answer(200, PLAIN, known[1].encode())
        if asked.k <= self.last:
            raise RefusedError(
                409, f"a link after {self.last} expected, got {asked.k}, which is out for another intent"
            )
        note = str(sign_note(Release(asked, self._chain.reveal(asked.k)).text, self._key))
        self._log.append(note.encode())
        self._notes[asked.k] = (asked, note)
        self._say(f"link {asked.k} is out, for entry {asked.head.size - 1} of {asked.head.origin}")
        return Answer(200, PLAIN, note.encode())

    def _proven(self, body: bytes) -> Asked:
        """What is asked for, when others have cosigned it."""
        with otherwise(400):
            proof = ProofFile.parse(body)
            entry = decode_entry(proof.extra)
        if not isinstance(entry, IntentWritten):
            raise RefusedError(
                400, f"an intent/v1 in `extra` expected, got {entry.kind}; send the intent's bytes"
            )
        if not 1 <= entry.intent.k <= self._chain.length:
            raise RefusedError(400, f"an opening of 1 to {self._chain.length} expected, got {entry.intent.k}")
        stands = proof.extra
        if len(stands) > LARGEST_ENTRY:
            stands = canonical(entry_document(stub_of(stands)))
        with otherwise(403):
            found = verify_entry(proof, stands, self._policy).checkpoint
        if proof.index != found.size - 1:
            raise RefusedError(
                400,
                f"the intent as the last of {found.size} entries expected, got it as number {proof.index}",
            )
        head = HeadAt(found.origin, found.size, found.root)
        return Asked(self._chain.tip, entry.intent.k, head, leaf_hash(stands), digest_of(proof.checkpoint))
