"""Messages to women about the provider's own changes: what they say, how long they are, and by which way they go.

The central system reminds of visits itself; these are about what the provider did. What a message may say is decided
by what a notice can hold:

- who writes, when, where, a telephone for answers, and by when to answer;
- never what is examined, the programme, the reason, a result, her name, her PESEL or her year of birth. A telephone
  and a mailbox can be in other hands, and `wizyta` with a day and an hour is enough to know which one is meant.

The provider names itself and its places in free text, so a composed text is also searched for words that tell of the
examination. That catches a slip of the pen; it is no proof that a text tells nothing.

The texts are templates in `rules/texts`, one file for each language.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from mobile_units.errors import DomainError
from mobile_units.rules.contacts import parse_telephone, shown, takes_sms
from mobile_units.rules.segments import folded, measured
from mobile_units.rules.wording import Language, shift, when

MOST_SEGMENTS = 2
"""A text message is at most so many segments: 306 characters once Polish letters are folded, 134 otherwise."""

LONGEST: Mapping[str, int] = {"sender": 30, "locality": 40, "place": 80, "link": 90}
"""Characters at most; with letters of Polish or English every text message then keeps within `MOST_SEGMENTS`."""


class NoticeKind(StrEnum):
    """What a woman is told: each is a change that the provider made."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    PLACE_OFFERED = "place_offered"
    STOP_MOVED = "stop_moved"


class Channel(StrEnum):
    """The way to a woman; the call list is a person with a telephone."""

    EMAIL = "email"
    SMS = "sms"
    CALL_LIST = "call_list"


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a woman can be reached: an address and a number as `rules.contacts` spells them, and what she agreed to.

    An agreement is to being written to by that way about her visits, not to advertising.
    """

    email: str | None = field(default=None, repr=False)
    telephone: str | None = field(default=None, repr=False)
    agreed_to_email: bool = False
    agreed_to_sms: bool = False


def channels(contact: Contact) -> tuple[Channel, ...]:
    """The ways to a woman in the order in which they are tried: e-mail, SMS, and at the end always the call list.

    A way is open where she agreed to it and can be reached by it. The next one is tried only where the one before was
    refused for certain: what may have arrived is not told again by a machine.
    """
    by_email = contact.agreed_to_email and contact.email is not None
    by_sms = contact.agreed_to_sms and contact.telephone is not None and takes_sms(contact.telephone)
    ways = ((Channel.EMAIL, by_email), (Channel.SMS, by_sms), (Channel.CALL_LIST, True))
    return tuple(way for way, is_open in ways if is_open)


@dataclass(frozen=True, slots=True)
class Appointment:
    """When and where: `place` is the landmark or the address as it is published for the stop."""

    starts_at: datetime
    locality: str
    place: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a woman is told; it has no field for anything about her.

    `sender` is the name by which she knows the provider, `telephone` where she can ask, in any spelling. `now` is the
    appointment as it is or is offered, `was` what it was before, `answer_by` until when a place is held for her.
    """

    kind: NoticeKind
    sender: str
    telephone: str
    now: Appointment | None = None
    was: Appointment | None = None
    answer_by: datetime | None = None
    link: str | None = None

    def __post_init__(self) -> None:
        """Checks that it is whole and that its free text is fit for a header, a line and a segment.

        Raises:
            DomainError: `message_incomplete`, `message_field_invalid`, `message_link_invalid`.
        """
        for name in _NEEDS[self.kind]:
            if getattr(self, name) is None:
                raise DomainError("message_incomplete", kind=self.kind, missing=name)
        _require_line("sender", self.sender)
        for appointment in filter(None, (self.now, self.was)):
            _require_line("locality", appointment.locality)
            _require_line("place", appointment.place)
        if self.link is not None:
            _require_link(self.link)


_NEEDS: Mapping[NoticeKind, tuple[str, ...]] = {
    NoticeKind.BOOKED: ("now",),
    NoticeKind.MOVED: ("now", "was"),
    NoticeKind.CANCELLED: ("was",),
    NoticeKind.PLACE_OFFERED: ("now", "answer_by"),
    NoticeKind.STOP_MOVED: ("now", "was"),
}


def checked_sender(name: str) -> str:
    """The name by which women know a provider, without blanks around it.

    Raises:
        DomainError: `message_field_invalid`, `message_tells_examination`.
    """
    _require_line("sender", name.strip())
    _require_discreet(name)
    return name.strip()


def _require_line(name: str, text: str) -> None:
    if not text.strip() or not text.isprintable() or len(text) > LONGEST[name]:
        raise DomainError("message_field_invalid", field=name, most=LONGEST[name])


TOKEN = re.compile(r"(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{22,43}")
"""At least 128 random bits in base64url; no number can look like one, so neither a PESEL nor a telephone does."""


def link_to(base: str, token: str) -> str:
    """The address `base` of a page followed by a random token: all that a link may say.

    What the token stands for is looked up by the server. Raises `message_link_invalid`.
    """
    link = f"{base.rstrip('/')}/{token}"
    _require_link(link)
    return link


def _require_link(link: str) -> None:
    """HTTPS, a host, plain words for a path, and the token: neither a query nor a user could carry anything."""
    try:
        parts = urlsplit(link)
        fine = parts.scheme == "https" and re.fullmatch(r"[a-z0-9.-]+(:[0-9]{1,5})?", parts.netloc)
    except ValueError:
        fine = None
    *path, token = link.removeprefix("https://").split("/")[1:] or [""]
    words = all(re.fullmatch("[a-z-]{1,20}", word) for word in path)
    if not fine or not words or not TOKEN.fullmatch(token) or len(link) > LONGEST["link"]:
        raise DomainError("message_link_invalid")


@dataclass(frozen=True, slots=True)
class Text:
    """A composed text; only an e-mail has a subject. Where it is sent to stands elsewhere."""

    body: str
    subject: str | None = None

    def __post_init__(self) -> None:
        """Raises `message_empty`."""
        if not self.body.strip() or (self.subject is not None and not self.subject.strip()):
            raise DomainError("message_empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A composed text and where it goes.

    `uuid` and `written_at` are those of its row, so that a repetition is the same letter to the byte.
    """

    uuid: UUID
    to: str = field(repr=False)
    text: Text = field(repr=False)
    language: Language
    sender_name: str
    written_at: datetime


def compose(notice: Notice, channel: Channel, language: Language) -> Text:
    """The text of a notice for a channel; for the call list, what is said on the telephone.

    Raises:
        DomainError: `message_too_long` for more than `MOST_SEGMENTS`; `message_tells_examination`; `telephone_invalid`
            for the telephone of the provider.
    """
    values, texts = _values(notice, language), _texts(language)
    if channel is Channel.EMAIL:
        text = _email(texts, notice.kind, values)
    elif channel is Channel.SMS:
        text = _sms(texts, notice.kind, values)
    else:
        text = Text(Template(texts[notice.kind]["sms"]).substitute(values))
    _require_discreet(f"{text.subject or ''} {text.body}")
    return text


def _require_discreet(text: str) -> None:
    if _TELLING.search(folded(text).casefold()):
        raise DomainError("message_tells_examination")


_TELLING = re.compile(r"mammo|cyto(log|bus)|\bhpv|\blbc\b|onkolog|oncolog|cancer|nowotw|\brak(a|iem|u)?\b|szyjk|cervi")
"""Words of the programmes, after folding."""


def _email(texts: Mapping[str, Any], kind: NoticeKind, values: Mapping[str, str]) -> Text:
    template, subject = texts[kind]["email"] + texts["footer"], texts[kind]["subject"]
    if "link" in values:
        template += "\n\n" + texts["link"].strip()
    return Text(Template(template).substitute(values).strip() + "\n", Template(subject).substitute(values))


def _sms(texts: Mapping[str, Any], kind: NoticeKind, values: Mapping[str, str]) -> Text:
    """The text with its link, or without where there is no room for it."""
    bare = folded(Template(texts[kind]["sms"]).substitute(values))
    linked = bare + folded(Template(texts["link"]).substitute(values)) if "link" in values else bare
    fitting = [text for text in (linked, bare) if measured(text).segments <= MOST_SEGMENTS]
    if not fitting:
        raise DomainError("message_too_long", segments=measured(bare).segments, most=MOST_SEGMENTS)
    return Text(fitting[0])


def _values(notice: Notice, language: Language) -> dict[str, str]:
    """What the templates may name, as far as the notice has it."""
    values = {"sender": notice.sender, "telephone": shown(parse_telephone(notice.telephone), language)}
    if notice.now:
        values |= _words("", notice.now, language)
    if notice.was:
        values |= _words("was_", notice.was, language)
        values["since"] = values["was_since"]
    if notice.now and notice.was:
        values["shift"] = shift(notice.was.starts_at, notice.now.starts_at, language)
    if notice.answer_by:
        until = when(notice.answer_by, language)
        values |= {"answer_until": until.until, "answer_time": until.time}
    return values | ({"link": notice.link} if notice.link else {})


def _words(prefix: str, appointment: Appointment, language: Language) -> dict[str, str]:
    words = when(appointment.starts_at, language)
    named = {name: getattr(words, name) for name in ("on", "onto", "since", "full", "named", "time")}
    named |= {"locality": appointment.locality, "place": appointment.place}
    return {prefix + name: value for name, value in named.items()}


@cache
def _texts(language: Language) -> Mapping[str, Any]:
    name = f"texts/messages_{language}.toml"
    return tomllib.loads(files("mobile_units.rules").joinpath(name).read_text(encoding="utf-8"))
