"""The rules that the sandbox enforces, in one table, and the technical errors of P1.

The numbers are ours and provisional: the central system's own list is not public. Each rule follows from the leaflet of
the Ministry of Health on the central e-registration or from the meaning of an identifier.
"""

from enum import StrEnum


class Rule(StrEnum):
    """The code by which a broken rule is named; a code is never given a second meaning."""

    UNKNOWN_SERVICE_PLACE = "REG.WER.1"
    POINT_MISSING = "REG.WER.2"
    UNKNOWN_POINT = "REG.WER.3"
    POINT_OF_ANOTHER_PLACE = "REG.WER.4"
    UNKNOWN_SCHEDULE = "REG.WER.5"
    STATIONARY_ON_MOBILE_SCHEDULE = "REG.WER.6"
    OUTSIDE_WORKING_TIME = "REG.WER.7"
    ENDS_BEFORE_IT_STARTS = "REG.WER.8"
    SLOT_OF_ANOTHER_SCHEDULE = "REG.WER.9"
    NO_SLOTS = "REG.WER.10"
    NOT_ACTIVE = "REG.WER.11"
    UNKNOWN_SLOT = "REG.WER.12"
    SLOT_FULL = "REG.WER.13"
    PARALLEL_VISIT = "REG.WER.14"
    UNKNOWN_VISIT = "REG.WER.15"
    PATH_DOES_NOT_FIT = "REG.WER.16"
    VISIT_OVER = "REG.WER.17"


MEANINGS = {
    Rule.UNKNOWN_SERVICE_PLACE: "MUŚ nie zostało zarejestrowane.",
    Rule.POINT_MISSING: "Harmonogram mobilny wymaga mobilnego punktu obsługi, a stacjonarny go nie dopuszcza.",
    Rule.UNKNOWN_POINT: "Mobilny punkt obsługi nie został zarejestrowany.",
    Rule.POINT_OF_ANOTHER_PLACE: "Mobilny punkt obsługi należy do innego MUŚ.",
    Rule.UNKNOWN_SCHEDULE: "Harmonogram nie istnieje.",
    Rule.STATIONARY_ON_MOBILE_SCHEDULE: "Terminy pracowni stacjonarnej wymagają harmonogramu bez punktu mobilnego.",
    Rule.OUTSIDE_WORKING_TIME: "Termin wykracza poza czas pracy harmonogramu.",
    Rule.ENDS_BEFORE_IT_STARTS: "Koniec nie jest późniejszy niż początek.",
    Rule.SLOT_OF_ANOTHER_SCHEDULE: "Termin o tym identyfikatorze należy do innego harmonogramu.",
    Rule.NO_SLOTS: "MUŚ nie udostępniło żadnego terminu.",
    Rule.NOT_ACTIVE: "MUŚ nie jest aktywne.",
    Rule.UNKNOWN_SLOT: "Termin nie istnieje.",
    Rule.SLOT_FULL: "W terminie nie ma wolnego miejsca.",
    Rule.PARALLEL_VISIT: "Pacjentka ma już umówioną wizytę w tym programie.",
    Rule.UNKNOWN_VISIT: "Wizyta nie istnieje.",
    Rule.PATH_DOES_NOT_FIT: "Badanie nie należy do programu, którego dotyczy harmonogram.",
    Rule.VISIT_OVER: "Wizyta nie jest już umówiona.",
}
"""What a broken rule says, in the words of an answer."""


class RuleBroken(Exception):  # noqa: N818  # a fact about a request, answered and not handled as an error
    """A request breaks a rule; nothing of it is carried out."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        super().__init__(rule.value)


def require(condition: object, rule: Rule) -> None:
    """Raises RuleBroken unless the condition holds."""
    if not condition:
        raise RuleBroken(rule)


CODE = "urn:csioz:p1:kod:"
CALLERS_CODES = (
    "bladPodpisuKomunikatu",
    "bladUwierzytelnienia",
    "kontoZablokowane",
    "certyfikatNiewazny",
    "brakCertyfikatu",
    "bladAutoryzacji",
    "brakUprawnienPodmiotu",
    "brakUprawnienPracownikaMedycznego",
    "niepoprawnyKomunikat",
    "bladKontekstu",
)
SERVERS_CODES = ("bladWewnetrzny", "bladZapisu", "przekroczonyCzas")
FAULT_CODES = CALLERS_CODES + SERVERS_CODES
"""The technical errors that P1 tells apart, by the last segment of their code."""


class Fault(Exception):  # noqa: N818  # the SOAP word
    """A request that cannot be carried out for a technical reason, by the code of P1."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        self.description = description
        super().__init__(code)


def require_owner(condition: object) -> None:
    """Raises Fault unless the caller may touch what it names."""
    if not condition:
        raise Fault("brakUprawnienPodmiotu", "Obiekt należy do innego podmiotu.")
