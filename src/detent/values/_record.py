"""The common shape of everything on the wire between the two sides."""

from msgspec import Struct


class Record(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """Common shape of everything on the wire."""
