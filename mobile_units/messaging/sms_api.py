"""How one SMS gateway is spoken to: its paths, fields and statuses, read from a TOML file.

There is no common standard. The gateways that we know of by their public documents share a shape: JSON is posted over
HTTPS, a header or a field carries a key of ours, and messages can be looked up by it. `sms_api_example.toml` describes
that shape; it is an example and not the interface of a certain firm.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
IN_FIELDS = {"to", "from", "text", "key"}
PATH = re.compile(r"/[A-Za-z0-9/._~-]*(\?[A-Za-z0-9=&._~{}-]*)?")


@dataclass(frozen=True, slots=True)
class Lookup:
    """How a message is looked up by its key: `messages` names the list in the answer."""

    path: str
    messages: str
    reference: str


@dataclass(frozen=True, slots=True)
class SmsApi:
    """The interface of a gateway; `key_header` and `lookup` are None where it has none.

    `remembers` is how long after an attempt the gateway knows its key and its message.
    """

    path: str
    fields: Mapping[str, str]
    reference: str
    login_header: str
    login_value: str
    remembers: timedelta
    key_header: str | None = None
    duplicate_statuses: frozenset[int] = frozenset()
    lookup: Lookup | None = None

    @property
    def knows_keys(self) -> bool:
        """Whether a repetition under one key is taken for one message: told in a header, or refused as a duplicate."""
        return self.key_header is not None or bool(self.duplicate_statuses)


def load(text: str) -> SmsApi:
    """The interface that a TOML text describes.

    Raises:
        ValueError: what is missing or not as expected, without any value of the file.
    """
    try:
        tables = tomllib.loads(text)
        send, login, lookup = tables["send"], tables["login"], tables.get("lookup")
        api = SmsApi(
            path=_path(send["path"], set()),
            fields={name: _template(value, IN_FIELDS) for name, value in send["fields"].items()},
            reference=str(send["reference"]),
            login_header=str(login["header"]),
            login_value=_template(login["value"], {"secret"}),
            remembers=timedelta(hours=float(tables["memory"]["hours"])),
            key_header=send.get("key_header"),
            duplicate_statuses=frozenset(map(int, send.get("duplicate_statuses", []))),
            lookup=lookup and Lookup(_path(lookup["path"], {"key"}), str(lookup["messages"]), str(lookup["reference"])),
        )
    except (KeyError, TypeError, AttributeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"the interface of the SMS gateway is not described: {type(error).__name__} {error}") from None
    _require_whole(api)
    return api


def _require_whole(api: SmsApi) -> None:
    named = {name for value in api.fields.values() for name in PLACEHOLDER.findall(value)}
    if missing := {"to", "text"} - named:
        raise ValueError(f"the fields of an SMS lack {sorted(missing)}")
    if api.lookup and "{key}" not in api.lookup.path:
        raise ValueError("a look-up needs {key} in its path")
    if (api.lookup or api.duplicate_statuses) and api.key_header is None and "key" not in named:
        raise ValueError("a gateway that is asked by key has to be told it")


def _template(value: Any, allowed: set[str]) -> str:
    if not isinstance(value, str) or not set(PLACEHOLDER.findall(value)) <= allowed:
        raise ValueError(f"a value has to be text with no placeholders but {sorted(allowed)}")
    return value


def _path(value: Any, allowed: set[str]) -> str:
    if not PATH.fullmatch(_template(value, allowed)):
        raise ValueError("a path begins with / and holds plain characters")
    return str(value)


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with each placeholder replaced once: braces in a value stay as they are."""
    return PLACEHOLDER.sub(lambda found: values[found[1]], template)
