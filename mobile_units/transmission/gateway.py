"""The door to the central system: what can be asked of it, and its answers named by what to do next.

Nothing here raises on a bad answer: whatever happens on the way becomes one of the outcomes. The texts in an outcome
are safe to store and to show: personal data is masked before they are made.
"""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mobile_units.transmission.messages import ChangesPage, ChangesQuery, Message, ObjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedVisit:
    """A visit of an initial load that was not accepted, while the others were."""

    identifier: ObjectId
    code: str
    rule: str | None
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The message was accepted now; `note` is what the central system had to add, such as a warning.

    Only an initial load can be accepted in part: `refused` names the visits that were not.
    """

    note: str | None = None
    refused: tuple[RefusedVisit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyDelivered:
    """The message had been accepted before; nothing is left to do. `code` says why, if not the receiver said so."""

    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A person has to correct something first; `rule` is the broken rule (REG.WER.n) if one was named."""

    code: str
    rule: str | None
    description: str
    event_uuid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retryable:
    """The message was not carried out; send the same message again later."""

    reason: str
    code: str | None = None
    event_uuid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeUnknown:
    """The message may or may not have been carried out; look it up before it is sent again."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """We are not let in (certificate, signature, account): stop all sending and alert a person."""

    reason: str
    code: str | None = None
    event_uuid: str | None = None


Outcome = Delivered | AlreadyDelivered | Rejected | Retryable | OutcomeUnknown | Halted


class Presence(StrEnum):
    """What a lookup says about a message of unknown outcome.

    PRESENT: it was accepted. ABSENT: send it again. UNANSWERED: look it up again later. UNSUPPORTED: the contract has
    no lookup; send it again under the same identifiers and take a duplicate answer for success.
    """

    PRESENT = "present"
    ABSENT = "absent"
    UNANSWERED = "unanswered"
    UNSUPPORTED = "unsupported"


class Gateway(Protocol):
    """The central system as the rest of the product sees it; one gateway belongs to one thread.

    `certificate` is the SHA-256 fingerprint (hexadecimal) of the certificate that signs, None without signing.
    `last_sent` is the envelope of the last message that left, with personal data masked; None if none did.
    """

    @property
    def certificate(self) -> str | None:
        """What signs."""

    @property
    def last_sent(self) -> bytes | None:
        """What the last call to `send` sent."""

    def send(self, message: Message) -> Outcome:
        """Hands one message over; never called while a database transaction is open."""

    def lookup(self, message: Message) -> Presence | Halted:
        """Asks whether a message was accepted."""

    def changes(self, query: ChangesQuery) -> ChangesPage | Retryable | Rejected | Halted:
        """Asks which visits changed at the centre; nothing happens there, so every failure can be tried again."""


AUTHENTICATION = frozenset(
    {"bladPodpisuKomunikatu", "bladUwierzytelnienia", "kontoZablokowane", "certyfikatNiewazny", "brakCertyfikatu"}
)
AUTHORIZATION = frozenset({"bladAutoryzacji", "brakUprawnienPodmiotu", "brakUprawnienPracownikaMedycznego"})
VALIDATION = frozenset({"niepoprawnyKomunikat", "bladKontekstu", "bladWeryfikacjiDokumentu", "bladWeryfikacjiRegul"})
TEMPORARY = frozenset({"bladWewnetrzny", "bladZapisu", "przekroczonyCzas"})
SUCCESS = "Sukces"
DUPLICATE = "DuplikatKomunikatu"
"""Last segment of the code by which a repeated message is refused. Ours, provisional: no public source names it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The codes of an answer, most specific first, and its text, already masked; a `fault` is a technical error."""

    codes: tuple[str, ...]
    text: str = ""
    rule: str | None = None
    event_uuid: str | None = None
    fault: bool = False


def last_segment(urn: str) -> str:
    """The last segment of a P1 code; the segments before it differ between dialects."""
    return urn.strip().rpartition(":")[2]


def classify(answer: Answer, duplicate: str = DUPLICATE) -> Outcome:
    """The outcome that an answer means; codes are matched by their last segment, whatever its case.

    An unknown fault is worth another try; an unknown business result is not, so a person sees it.
    """
    code = last_segment(answer.codes[0]) if answer.codes else ""
    if _has(answer, {duplicate}):
        return AlreadyDelivered()
    if not answer.fault and _has(answer, {SUCCESS}):
        return Delivered(note=answer.text or None)
    if _has(answer, AUTHENTICATION):
        return Halted(reason=answer.text, code=code, event_uuid=answer.event_uuid)
    refused = _has(answer, AUTHORIZATION | VALIDATION) or not (answer.fault or _has(answer, TEMPORARY))
    if refused:
        return Rejected(code=code, rule=answer.rule, description=answer.text, event_uuid=answer.event_uuid)
    return Retryable(reason=answer.text, code=code, event_uuid=answer.event_uuid)


def _has(answer: Answer, codes: Set[str]) -> bool:
    wanted = {code.casefold() for code in codes}
    return any(last_segment(code).casefold() in wanted for code in answer.codes)
