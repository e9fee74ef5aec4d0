"""Kinds of values that several blocks of the configuration have, and the base of all blocks.

A field's type says what its key may be, and the text below the field what the key is.
"""

from collections.abc import Hashable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import SkipJsonSchema

T = TypeVar("T", bound=Hashable)


class Block(BaseModel):
    """A block of keys: others are refused, values are not converted, and the text below a field describes it."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True, validate_default=True
    )


def unit(name: str) -> Any:
    """The unit of a number, which comments, the reference page and errors show."""
    return Field(json_schema_extra={"unit": name})


def _no_repeats(values: list[T]) -> list[T]:
    if len(set(values)) < len(values):
        raise ValueError("an entry is repeated")
    return values


class Needs:
    """Keys that a block must give, where others of its kind need not or where it may be null."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return AfterValidator(self._check).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core_schema), "required": list(self.keys)}

    def _check(self, block: Any) -> Any:
        given = block.model_fields_set if isinstance(block, BaseModel) else block
        if block is not None and (missing := [key for key in self.keys if key not in given]):
            raise ValueError(f"{missing[0]} is not set")
        return block


Unique = Annotated[list[T], AfterValidator(_no_repeats), Field(json_schema_extra={"uniqueItems": True})]

Absent = SkipJsonSchema[None]  # of a key that may be left out, but not be null

Count = Annotated[int, Field(ge=1)]
Number = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=2147483647)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
NonEmpty = Annotated[str, Field(min_length=1)]

View = Literal["sa", "la_2ch", "la_3ch", "la_4ch"]
Positions = Literal["block", "interleaved", "4d"]
NumberTask = Literal["sa_phenotypes", "la_phenotypes", "physiological"]
Task = Literal[
    "sa_phenotypes",
    "la_phenotypes",
    "physiological",
    "binary_features",
    "categorical_features",
    "diseases",
    "disease_cad",
    "disease_stroke",
    "disease_hypertension",
    "disease_infarct",
    "disease_diabetes",
    "disease_high_blood_pressure",
    "segmentation",
]
