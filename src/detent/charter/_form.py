"""What every part of a charter is made of: frozen sections, and kinds of values that say what they expect."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

WRONG = "wrong_value"
"""Type of the pydantic errors that carry what was expected, and nothing else."""

LARGEST_EXACT = (1 << 53) - 1
"""The largest whole number that every JSON reader keeps exact (RFC 8785)."""


class Section(BaseModel):
    """A table of the charter: no key that is not listed, no value of another type, no change once read.

    called: what messages call the whole document.
    """

    called: ClassVar[str] = "the charter"

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Says:
    """Beside a type: what a value of it is called when another one was found."""

    wanted: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Wrap the type's own check so that it fails with these words."""
        return core_schema.no_info_wrap_validator_function(self._checked, handler(source))

    def _checked(self, value: Any, check: core_schema.ValidatorFunctionWrapHandler) -> Any:
        try:
            return check(value)
        except ValidationError:
            raise PydanticCustomError(WRONG, "{wanted}", {"wanted": self.wanted}) from None


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Count = Annotated[int, Field(ge=1, le=LARGEST_EXACT), Says("an integer of at least 1")]
Level = Annotated[int, Field(ge=1, le=100), Says("a level, an integer from 1 to 100,")]
Share = Annotated[float, Field(ge=0, le=1), Says("a number from 0 to 1")]
Part = Annotated[float, Field(gt=0, lt=1), Says("a number between 0 and 1")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$"), Says("64 lower-case hex digits")]
Line = Annotated[
    str, Field(pattern=r"^\P{C}+$", max_length=200), Says("one line of text, 1 to 200 characters,")
]
Reason = Annotated[
    str, Field(pattern=r"^\P{C}+$", max_length=1000), Says("one line of text, 1 to 1000 characters,")
]
Time = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"),
    AfterValidator(_moment),
    Says("a time such as 2026-01-31T12:00:00Z"),
]
"""UTC in RFC 3339 with seconds; texts of this form sort as times do."""

Bool = Annotated[bool, Says("true or false")]
Hours = Annotated[float, Field(gt=0, le=87_600), Says("hours, a number above 0, at most 87600,")]
Wait = Annotated[float, Field(ge=0, le=87_600), Says("hours, a number from 0 to 87600,")]
Petaflop = Annotated[float, Field(gt=0, le=1e15), Says("a number above 0, at most 1e15,")]
TaskName = Annotated[
    str,
    Field(pattern=r"^(gym:)?[a-z][a-z0-9_-]{0,31}$"),
    Says("a task's name in a-z, 0-9, _ and -, beginning with a letter, or such a name behind gym:,"),
]
"""What stands behind `gym:` is a task of the library reasoning-gym."""
WireName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$"),
    Says("a tripwire's name in a-z, 0-9, _ and -, beginning with a letter,"),
]
Change = Annotated[Literal["data", "feedback", "architecture"], Says('"data", "feedback" or "architecture"')]
"""The kinds of `detent.values.DataProposal.kind`."""
