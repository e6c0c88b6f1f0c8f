"""The provider's duties towards the central e-registration, on which payment depends.

Source: the Ministry of Health leaflet of 2026. A visit is passed before the service, at the latest on the day of the
service; urgent visits and faults on the side of the central system are exempt. Faults are evidence kept elsewhere:
a visit late because of one is still reported here as late, and the evidence is shown beside it.
"""

from datetime import date, datetime
from enum import StrEnum

from dateutil.relativedelta import relativedelta

from mobile_units.rules.calendar import last_working_day_before, local_day


class SettlementState(StrEnum):
    """What is known about the payment of a visit, as far as passing it in time decides."""

    PASSED = "passed"
    WAITING = "waiting"
    LATE = "late"
    EXCUSED_URGENT = "excused_urgent"


def is_passed_in_time(service_day: date, accepted_at: datetime | None, *, urgent: bool) -> bool:
    """Whether the duty is met: the central system accepted the visit by the end of the service day in Poland.

    An urgent visit always meets it.
    """
    return urgent or _accepted_by(service_day, accepted_at)


def settlement_state(
    service_day: date, accepted_at: datetime | None, *, urgent: bool, now: datetime
) -> SettlementState:
    """The state at the instant `now`; a visit not accepted is waiting until its service day ends in Poland."""
    if _accepted_by(service_day, accepted_at):
        return SettlementState.PASSED
    if accepted_at is None and local_day(now) <= service_day:
        return SettlementState.WAITING
    return SettlementState.EXCUSED_URGENT if urgent else SettlementState.LATE


def horizon_end(today: date) -> date:
    """The last day of the three full calendar months that follow the month of `today`.

    Our reading of the duty, not a quotation: the leaflet asks for schedules for the next three full months and for
    1 June names September, which we take to be included. It is the stricter of the two possible readings.
    """
    return today + relativedelta(months=4, day=1, days=-1)


def horizon_covered(last_schedule_day: date | None, today: date) -> bool:
    """Whether schedules reach the end of the horizon: the last day, Monday to Friday, that can be worked in it."""
    if last_schedule_day is None:
        return False
    return last_schedule_day >= last_working_day_before(horizon_end(today) + relativedelta(days=1))


def _accepted_by(service_day: date, accepted_at: datetime | None) -> bool:
    return accepted_at is not None and local_day(accepted_at) <= service_day
