"""What every entry of the ledger has."""

from msgspec import UNSET, Struct, UnsetType


class Entry(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", kw_only=True):
    """What every entry has: when (UTC, RFC 3339) and in which generation (0 is the first model).

    trial: where the entry is no fact of the generation itself, of which trial of it. All are stamped when the entry is
    written.
    """

    at: str = ""
    generation: int = 0
    trial: str | UnsetType = UNSET

    @property
    def kind(self) -> str:
        """The kind with its schema version, such as `intent/v1`."""
        return str(self.__struct_config__.tag)

    @property
    def slot(self) -> str:
        """What the entry is within its generation; a turn writes each slot at most once."""
        return self.kind
