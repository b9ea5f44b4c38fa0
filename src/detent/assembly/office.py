"""A run folder opened for writing: its lock, its ledger believed, and the charter in force."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from detent.assembly import places
from detent.assembly.clock import now
from detent.assembly.enclosing import Enclosing
from detent.assembly.inbox import Inbox, Taken, desk_of
from detent.assembly.outsiders import vet_outsiders
from detent.assembly.places import RunFolder
from detent.assembly.principles import amended_constitution
from detent.assembly.reading import enveloped_charter, log_key, moved_aside, second_key
from detent.assembly.tasks import amended_wires, catalogue, closing
from detent.assembly.watermark import Watermarked
from detent.charter import ORDER_TYPE, SignedCharter, claimed
from detent.engine import DataStore, ModelStore, replace_file
from detent.errors import StorageError, TrustError
from detent.evaluate import Chain, open_chain
from detent.ledger import Ledger
from detent.loop import Book, carry_out, known_link
from detent.oversight import Desk, believe, is_stop, type_of
from detent.values import CharterSigned, decode_entry


@dataclass(frozen=True, slots=True)
class Office:
    """One run, open to one process: what people handed in can be written down here."""

    run: RunFolder
    signed: SignedCharter
    book: Book
    ledger: Ledger

    @property
    def chain(self) -> Chain | None:
        """The seal; None where an auditor holds it. Raises SealError when its secret is missing or another's."""
        if self.signed.charter.auditor is not None:
            return None
        seal = self.signed.charter.seal
        return open_chain(places.seal_path(seal.tip), seal.length, bytes.fromhex(seal.tip))

    def take_stops(self) -> list[Taken]:
        """Write down the halts, pauses and noes in the inbox, and nothing else: whatever is amiss, stopping is not."""
        return Inbox(self.run.inbox).take_stops(self.book, self.signed, catalogue())

    def take_one(self, envelope: str) -> "tuple[Office, list[Taken]]":
        """Write down what somebody hands in now, before what lies in the inbox, but for what stops something there.

        Raises:
            TrustError, CharterError: it is refused; nothing is written.
            SealError: as `carry_out`.
        """
        stops = is_stop(envelope, self.signed)
        taken = [] if stops else self.take_stops()
        if not (stops and type_of(envelope) == ORDER_TYPE):  # an order to stop waits for nothing
            taken += self.carry_out()
        one = Inbox(self.run.inbox).take_one(envelope, self.book, self._desk, self._fits)
        return self._after([one]), [*taken, one]

    def take_in(self) -> "tuple[Office, list[Taken]]":
        """Write down what is in the inbox, and do what it brings with it at once; the charter may be another then.

        Raises:
            SealError, TrustError: as `carry_out`; what stops the run is written down all the same.
        """
        office, taken = self, self.take_stops()
        while True:
            if self.book.state.returning is not None:
                taken += office.carry_out()  # nothing else can be written before it is done
            some = Inbox(self.run.inbox).take_in(self.book, office.signed, catalogue(), office._fits)
            taken += some
            office = office._after(some)
            if self.book.state.returning is None:
                return office, taken

    @property
    def _desk(self) -> Desk:
        return desk_of(self.book, self.signed, catalogue())

    def _after(self, taken: list[Taken]) -> "Office":
        """The office under the charter that came, whose copies then lie in the folder."""
        office = self
        for one in taken:
            if isinstance(one.entry, CharterSigned):
                office = replace(office, signed=claimed(one.entry.envelope, catalogue()))
                write_charter(self.run, office.signed)
        return office

    def carry_out(self) -> list[Taken]:
        """Do what a rollback ordered, as far as it is not done; returns what was moved aside for it.

        Raises:
            TrustError: what is to be in force again is damaged; the rollback waits.
            SealError: the secret is missing, and an opening that had begun cannot be closed; as before.
        """
        models, data = ModelStore(self.run.models), DataStore(self.run.data, self.run.answers)
        decided = carry_out(self.book, self._reveal, models, data)
        aside = models.set_incumbent(decided.incumbent) if decided is not None else None
        return [Taken(aside, None, moved_aside(self.run.models / "incumbent", aside))] if aside else []

    def _fits(self, amended: SignedCharter) -> None:
        """What an amendment brings has its files here, and its beacon is described; none is run."""
        vet_outsiders(amended.charter)
        amended_constitution(amended.charter, self.run.tasks)
        with closing(amended_wires(self.signed.charter, amended.charter, self.run.tasks)):
            return

    def _reveal(self, k: int) -> bytes:
        """The secret is read only where a link is asked for."""
        return known_link(self.book.state, self.chain, k)


@contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    """Open a run folder for writing and believe what people signed, from the ledger's first entry on.

    Raises:
        UsageError: this is no run folder.
        BusyError: another process holds it.
        TrustError, CharterError: charter, ledger or a signature cannot be believed.
    """
    run = RunFolder(folder)
    given = enveloped_charter(run)
    with Ledger.open(run.ledger, log_key(given), second=second_key(given)) as ledger:
        watermarked = Watermarked(ledger, places.mark_path(given.charter.seal.tip))
        book = Book(Enclosing(watermarked, DataStore(run.data, run.answers)), now)
        entries = [decode_entry(data) for data in book.record.entries()]
        signed = believe(entries, catalogue(), ledger.root)
        _settle(run, signed, [entry for entry in entries if isinstance(entry, CharterSigned)])
        yield Office(run, signed, book, ledger)


def write_charter(run: RunFolder, signed: SignedCharter) -> None:
    """Replace the folder's copies of the charter; a crash between them is mended when the folder is opened."""
    for path, text in ((run.envelope, signed.envelope), (run.charter, signed.text)):
        try:
            replace_file(path, path.with_name(f".{path.name}.new"), text.encode())
        except OSError as error:
            raise StorageError(
                f"a charter at {path} expected, got: {error}; free or mend the disk"
            ) from error


def _settle(run: RunFolder, signed: SignedCharter, charters: list[CharterSigned]) -> None:
    """The folder's copies say what the ledger says is in force; those of an earlier charter are brought up to date."""
    texts = [claimed(entry.envelope, catalogue()).text for entry in charters]
    allowed = {run.envelope: [entry.envelope for entry in charters], run.charter: texts}
    for path, known in allowed.items():
        got = path.read_bytes().decode(errors="replace") if path.is_file() else ""
        if got not in known:
            raise TrustError(
                f"{path} as it was signed expected, got {'another text' if got else 'none'}; restore it from "
                "a copy, or from the ledger, which has it"
            )
        if got != known[-1]:
            write_charter(run, signed)
