"""What all schemas share: unknown fields are refused, loaded data become commands, lists come in pages."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, pre_load, validate

from mobile_units.services.queries import Paging

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
NAME = validate.Length(min=1, max=200)
NOTE = (validate.Length(min=1, max=1000), validate.Regexp(r"[\s\S]*\S", error="Not only blanks."))
"""What a person writes down about a decision."""
DAY = validate.Range(date(1900, 1, 1), date(2199, 12, 31))
KEY = validate.Range(1, 2**63 - 1)
WEEKDAY = validate.Range(1, 7)
CLOCK = "%H:%M"


class JsonBoolean(fields.Boolean):
    """Only true and false, as JSON writes them; query parameters, being text, are read by `fields.Boolean`."""

    def _deserialize(self, value: Any, *_: Any, **_kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class StrictSchema(Schema):
    """Refuses unknown fields."""

    class Meta:
        """Marshmallow's options."""

        unknown = RAISE

    @pre_load
    def refuse_what_no_text_can_hold(self, data: Any, **_: Any) -> Any:
        """PostgreSQL knows no null characters, UTF-8 no lone surrogates."""
        if _is_unstorable(data):
            raise ValidationError("Null characters and lone surrogates are not allowed.")
        return data


class CommandSchema(StrictSchema):
    """Loads into the frozen dataclass named by `command`."""

    command: ClassVar[type[Any]]

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        """Builds the command; under `partial` the given fields stay a mapping."""
        return data if self.partial else self.command(**data)


class FilterSchema(StrictSchema):
    """Query parameters of a list; loads into the filter dataclass named by `command`."""

    command: ClassVar[type[Any]]

    page = fields.Integer(load_default=1, validate=validate.Range(1, 100_000), metadata={"description": "from 1"})
    page_size = fields.Integer(load_default=50, validate=validate.Range(1, 500))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        """Builds the filter with its paging."""
        paging = Paging(data.pop("page"), data.pop("page_size"))
        return self.command(paging=paging, **data)


def _is_unstorable(value: Any) -> bool:
    if isinstance(value, str):
        return UNSTORABLE.search(value) is not None
    if isinstance(value, Mapping):
        return any(_is_unstorable(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(_is_unstorable, value))


def change_of(schema: type[CommandSchema], *, without: tuple[str, ...] = ()) -> type[StrictSchema]:
    """The schema of a change: the version that was read, and any of the fields of `schema`, each of them whole."""
    name = schema.__name__.removeprefix("New").removesuffix("Schema")
    values = type(f"{name}ValuesSchema", (schema,), {})
    members = {
        "version": fields.Integer(required=True, metadata={"description": "the version that you read"}),
        "values": fields.Nested(values(partial=tuple(values().fields), exclude=without), required=True),
    }
    return type(f"{name}ChangeSchema", (StrictSchema,), members)


def features() -> fields.List[Any]:
    """A list of what places lack and units need."""
    return fields.List(
        fields.String(validate=validate.Length(min=1, max=40)),
        validate=validate.Length(max=50),
        metadata={"description": "in your own words, the same for sites and units", "example": ["power", "water"]},
    )


def page_schema(item: type[Schema]) -> type[Schema]:
    """The schema of one page of a list."""
    members: Mapping[str, Any] = {
        "items": fields.List(fields.Nested(item)),
        "total": fields.Integer(metadata={"description": "how many there are on all pages"}),
        "page": fields.Integer(),
        "page_size": fields.Integer(),
        "Meta": type("Meta", (), {"unknown": EXCLUDE}),
    }
    return type(item.__name__.removesuffix("Schema") + "PageSchema", (Schema,), dict(members))
