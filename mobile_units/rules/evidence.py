"""Why a visit was not passed in time: the verdict that the evidence supports, and no other.

Source of the duty: the Ministry of Health leaflet of 2026. A visit is passed before the service, at the latest on the
day of the service; urgent visits and technical faults on the side of the central system are exempt.

What decides is the last thing that happened to the visit before its day ended: the last call about it, else the last
call about a message that it had to wait for, else the last call at all. Without any of them nothing is claimed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from mobile_units.rules.calendar import local_instant
from mobile_units.rules.compliance import is_passed_in_time
from mobile_units.rules.outages import OF_THE_CENTRE, Call, Outage, Sign, sign_of
from mobile_units.rules.transmissions import BACK_OFF_CAP

LEGAL_RULE_PL = (
    "Świadczeniodawca przekazuje każdą wizytę do Centralnej e-Rejestracji przed udzieleniem świadczenia, najpóźniej "
    "w dniu jego udzielenia. Wyjątkami są wizyty pilne oraz awarie techniczne po stronie Centralnej e-Rejestracji. "
    "Od 1 lipca 2026 r. NFZ płaci wyłącznie za wizyty przekazane do Centralnej e-Rejestracji."
)
LEGAL_RULE_SOURCE_PL = "Ministerstwo Zdrowia, ulotka o centralnej e-rejestracji, 2026"


class Timing(StrEnum):
    """Whether a visit was passed in time; `still_time` is not passed, and its day is not over."""

    IN_TIME = "passed_in_time"
    LATE = "passed_late"
    NOT_PASSED = "not_passed"
    STILL_TIME = "still_time"


class Reason(StrEnum):
    """Why a visit was not passed in time; `urgent` visits need not be."""

    URGENT = "urgent"
    CENTRE = "fault_of_the_centre"
    OURS = "fault_of_ours"
    REFUSAL = "refusal"
    UNDETERMINED = "undetermined"


class Finding(StrEnum):
    """What in the log the reason rests on."""

    URGENT = "urgent"
    CENTRE_FAILED = "centre_failed"
    NO_CONNECTION = "no_connection"
    CERTIFICATE = "certificate"
    OWN_ERROR = "own_error"
    ENTERED_LATE = "entered_late"
    REFUSED = "refused"
    EARLIER_REFUSED = "earlier_refused"
    NOT_TRIED = "not_tried"
    NOT_TRIED_AGAIN = "not_tried_again"
    UNCLEAR = "unclear"

    @property
    def reason(self) -> Reason:
        """The reason that it supports."""
        return _REASONS[self]

    @property
    def sentence_pl(self) -> str:
        """The finding in Polish."""
        return _SENTENCES[self][0]

    @property
    def sentence_en(self) -> str:
        """The finding in English."""
        return _SENTENCES[self][1]


_REASONS = {
    Finding.URGENT: Reason.URGENT,
    Finding.CENTRE_FAILED: Reason.CENTRE,
    Finding.NO_CONNECTION: Reason.CENTRE,
    Finding.CERTIFICATE: Reason.OURS,
    Finding.OWN_ERROR: Reason.OURS,
    Finding.ENTERED_LATE: Reason.OURS,
    Finding.REFUSED: Reason.REFUSAL,
    Finding.EARLIER_REFUSED: Reason.REFUSAL,
    Finding.NOT_TRIED: Reason.UNDETERMINED,
    Finding.NOT_TRIED_AGAIN: Reason.UNDETERMINED,
    Finding.UNCLEAR: Reason.UNDETERMINED,
}

_SENTENCES = {
    Finding.URGENT: (
        "Wizyta jest pilna, a wizyty pilne są wyjątkiem od obowiązku przekazania w terminie.",
        "The visit is urgent, and urgent visits are exempt from the duty to pass in time.",
    ),
    Finding.CENTRE_FAILED: (
        (
            "System centralny zgłosił błąd własny albo nie odpowiedział na wysłany komunikat; do końca terminu nie "
            "odpowiedział na ponowienia albo następne ponowienie przypadało już po terminie."
        ),
        (
            "The central system reported an error of its own or gave no answer to the message sent; until the time was "
            "up it answered no repetition, or the next one was due only afterwards."
        ),
    ),
    Finding.NO_CONNECTION: (
        (
            "Z systemem centralnym nie dało się nawiązać połączenia. Próby stwierdzają brak połączenia, lecz same nie "
            "rozstrzygają, po której stronie łącza leżała przyczyna."
        ),
        (
            "No connection to the central system came about. The attempts show that there was none; by themselves they "
            "do not decide on whose side of the line the cause was."
        ),
    ),
    Finding.CERTIFICATE: (
        "System centralny odpowiadał, lecz nie przyjął certyfikatu, podpisu albo konta świadczeniodawcy.",
        "The central system answered, but did not accept the provider's certificate, signature or account.",
    ),
    Finding.OWN_ERROR: (
        "Komunikat nie opuścił systemu świadczeniodawcy z powodu jego własnego błędu.",
        "The message did not leave the provider's system because of an error of its own.",
    ),
    Finding.ENTERED_LATE: (
        "Przed końcem dnia świadczenia system świadczeniodawcy nie miał komunikatu o tej wizycie.",
        "Before the day of the service was over, the provider's system had no message about this visit.",
    ),
    Finding.REFUSED: (
        "System centralny odrzucił komunikat o wizycie; przed końcem terminu nie przyjął poprawionego.",
        "The central system rejected the message about the visit and accepted no corrected one before the time was up.",
    ),
    Finding.EARLIER_REFUSED: (
        "Wizyta czekała na inny komunikat świadczeniodawcy (np. o terminach), który system centralny odrzucił.",
        "The visit waited for another message of the provider (such as slots) that the central system had rejected.",
    ),
    Finding.NOT_TRIED: (
        "W dzienniku nie ma próby przekazania tej wizyty w terminie ani śladu, co w niej przeszkodziło.",
        "The log holds no attempt to pass this visit in time, nor what kept it from being made.",
    ),
    Finding.NOT_TRIED_AGAIN: (
        (
            "Ostatnia próba w terminie nie powiodła się po stronie systemu centralnego, lecz system ten odpowiadał "
            "później na inne wywołania, a wizyty nie przekazywano ponownie."
        ),
        (
            "The last attempt in time failed on the side of the central system, but it answered other calls afterwards "
            "and the visit was not tried again."
        ),
    ),
    Finding.UNCLEAR: (
        "Ostatnia próba nie powiodła się w sposób, który nie pozwala wskazać strony odpowiedzialnej.",
        "The last attempt failed in a way that does not tell who was responsible.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known of one visit; `calls` are those about it, `earlier` those about what it had to wait for.

    `stored_at` is when the first message about it was stored, `last_call` the last call at all before the time was up.
    `outages` include the momentary ones.
    """

    service_day: date
    urgent: bool
    passed_at: datetime | None
    stored_at: datetime | None
    calls: Sequence[Call]
    earlier: Sequence[Call] = ()
    last_call: Call | None = None
    outages: Sequence[Outage] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """When a visit was passed, and what kept it; the finding is empty if nothing did."""

    timing: Timing
    finding: Finding | None

    @property
    def reason(self) -> Reason | None:
        """The reason that the finding supports."""
        return self.finding.reason if self.finding else None


def time_is_up(service_day: date) -> datetime:
    """The end of the service day in Poland, until which a visit may be passed."""
    return local_instant(service_day + timedelta(days=1), time())


def judge(case: Case, now: datetime) -> Verdict:
    """The verdict at the instant `now`."""
    timing = _timing(case, now)
    if timing is Timing.IN_TIME:
        return Verdict(timing, None)
    if case.urgent:
        return Verdict(timing, Finding.URGENT)
    return Verdict(timing, _finding(case, min(now, time_is_up(case.service_day))))


def _timing(case: Case, now: datetime) -> Timing:
    if is_passed_in_time(case.service_day, case.passed_at, urgent=False):
        return Timing.IN_TIME
    if case.passed_at is not None:
        return Timing.LATE
    return Timing.STILL_TIME if now < time_is_up(case.service_day) else Timing.NOT_PASSED


def _finding(case: Case, until: datetime) -> Finding:
    if case.stored_at is None or case.stored_at >= until:
        return Finding.ENTERED_LATE
    own, earlier = _last(case.calls, until), _last(case.earlier, until)
    decisive = own or earlier or _since(case.last_call, case.stored_at)
    if decisive is None:
        return Finding.NOT_TRIED
    sign = sign_of(decisive)
    if sign in OF_THE_CENTRE:
        return _of_the_centre(case, decisive, sign, until)
    if sign is Sign.REFUSED:
        return Finding.REFUSED if own else Finding.EARLIER_REFUSED if earlier else Finding.NOT_TRIED
    return _FINDINGS.get(sign, Finding.NOT_TRIED)


_FINDINGS = {
    Sign.NOT_LET_IN: Finding.CERTIFICATE,
    Sign.NO_CALL: Finding.OWN_ERROR,
    Sign.UNCLEAR: Finding.UNCLEAR,
}


def _since(call: Call | None, stored_at: datetime) -> Call | None:
    """A call about others tells nothing of a visit that was not stored yet."""
    return call if call and call.ended_at >= stored_at else None


def _last(calls: Sequence[Call], until: datetime) -> Call | None:
    return max((call for call in calls if call.started_at < until), key=lambda call: call.started_at, default=None)


def _of_the_centre(case: Case, decisive: Call, sign: Sign, until: datetime) -> Finding:
    """The centre kept the visit if it answered nobody until the time was up, or the next try was due only after it."""
    lasted = any(outage.covers(decisive.started_at) and outage.covers(until) for outage in case.outages)
    if not lasted and until - decisive.ended_at > BACK_OFF_CAP:
        return Finding.NOT_TRIED_AGAIN
    return Finding.NO_CONNECTION if _only_unconnected(case, decisive, sign) else Finding.CENTRE_FAILED


def _only_unconnected(case: Case, decisive: Call, sign: Sign) -> bool:
    """Whether nothing but missing connections shows the failure; one other sign in its outage shows more."""
    signs = {sign}
    for outage in case.outages:
        if outage.covers(decisive.started_at):
            signs |= {each for each, _ in outage.signs}
    return signs == {Sign.NO_CONNECTION}
