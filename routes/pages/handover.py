"""The page of the hand-over: what may cost money first, then what a person has to do, then the rest.

Each part is shown to the roles to which the API tells the same, and each button carries out what the API would.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.rules.refusals import meaning_of
from mobile_units.rules.roles import Role
from mobile_units.services import (
    handover,
    inbound,
    initial_loads,
    outages,
    reconciliation,
    risks,
    transmissions,
    watch,
)
from mobile_units.services.evidence import SIDES_PL, SIGNS_PL
from mobile_units.services.queries import Page, Paging
from mobile_units.services.reconciliation import Decision, DecisionOnDifference
from mobile_units.services.risks import RiskFilter, When
from mobile_units.services.transmissions import GivingUp, WorkFilter
from routes.auth import roles
from routes.database import actor, transaction

SENDERS = (Role.COORDINATOR, Role.SETTLEMENT, Role.ADMINISTRATOR)
AUDITORS = (Role.SETTLEMENT, Role.ADMINISTRATOR)
DECIDERS = (Role.COORDINATOR, Role.MIDWIFE)
COMPARERS = (Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT)

PAGE_SIZE = 25
OUTAGES_FOR = timedelta(days=30)
LONGEST = 1000
"""How many letters a reason may have."""

blueprint = Blueprint("handover", __name__, url_prefix="/handover")


@blueprint.get("")
@roles()
def show() -> ResponseReturnValue:
    """All that this user may know of the hand-over."""
    now = clock.now()
    with transaction() as session:
        parts = _parts(session, now)
    words = {"meaning_of": meaning_of, "signs": SIGNS_PL, "sides": SIDES_PL}
    return render_template("handover/board.html", now=now, When=When, **words, **parts)


def _parts(session: Session, now: datetime) -> dict[str, Any]:
    """What the roles of the user open; the rest is None."""
    who = actor()
    readers: Sequence[tuple[str, Sequence[Role], Callable[[], Any]]] = (
        ("figures", SENDERS, lambda: watch.figures(session, who, now)),
        ("at_risk", SENDERS, lambda: _at_risk(session, now)),
        ("work", SENDERS, lambda: _work(session)),
        ("reading", DECIDERS, lambda: inbound.status(session, who)),
        ("conflicts", DECIDERS, lambda: handover.conflicts(session, who, _paging("conflicts"))),
        ("reconciliation", COMPARERS, lambda: handover.last_reconciliation(session, who)),
        ("gaps", COMPARERS, lambda: handover.gaps(session, who, _paging("differences"))),
        ("outages", AUDITORS, lambda: outages.between(session, who.provider_id, now - OUTAGES_FOR, now)),
        ("loads", (Role.ADMINISTRATOR,), lambda: handover.loads(session, who)),
    )
    parts = {name: read() if may(*needed) else None for name, needed, read in readers}
    return {**parts, **frame(session)}


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list, and its items in groups that have one cause, the groups in the order of their first items."""

    page: Page[Any]
    groups: Sequence[Sequence[Any]]


def _listed(page: Page[Any], cause: Callable[[Any], Hashable]) -> Listed:
    groups: dict[Hashable, list[Any]] = {}
    for item in page.items:
        groups.setdefault(cause(item), []).append(item)
    return Listed(page, list(groups.values()))


def _at_risk(session: Session, now: datetime) -> dict[When, Listed]:
    """Visits at risk by cause, those already too late first, because evidence is claimed for them."""
    found = {
        when: risks.find(session, actor(), RiskFilter(_paging(when.value), when, watch.HORIZON_DAYS), now)
        for when in (When.LATE, When.TODAY, When.COMING)
    }
    return {when: _listed(page, lambda visit: (visit.why, visit.detail_pl)) for when, page in found.items()}


def _work(session: Session) -> Listed:
    """Rejected messages by the rule or the code with which they were rejected."""
    page = transmissions.work_list(session, actor(), WorkFilter(_paging("rejected")))
    return _listed(page, lambda item: item.rule or item.code)


def frame(session: Session) -> dict[str, Any]:
    """What the frame of every page of the hand-over shows."""
    who = actor()
    name, waiting = handover.provider_name(session, who), handover.waiting(session, who)
    return {"provider": name, "waiting": waiting, "may": may, "Role": Role}


def may(*needed: Role) -> bool:
    """Whether the user has one of the roles."""
    return not actor().roles.isdisjoint(needed)


def _paging(name: str) -> Paging:
    """Which page of one of the lists is wanted."""
    wanted = request.args.get(name, 1, type=int)
    return Paging(min(max(wanted, 1), 100_000), PAGE_SIZE)


# what people decide


@blueprint.post("/resume")
@roles(Role.ADMINISTRATOR)
def resume() -> ResponseReturnValue:
    """Sends again after a halt."""
    return _carry_out(
        "lacze",
        lambda session: transmissions.resume(session, actor(), clock.now()),
        "Wysyłka została wznowiona.",
    )


@blueprint.post("/messages/<key:message_id>/resend")
@roles(*SENDERS)
def resend(message_id: int) -> ResponseReturnValue:
    """Sends a rejected message again."""
    return _carry_out(
        "odrzucone",
        lambda session: transmissions.resend(session, actor(), message_id, clock.now()),
        f"Komunikat {message_id} zostanie wysłany ponownie.",
    )


@blueprint.post("/messages/resend")
@roles(*SENDERS)
def resend_all() -> ResponseReturnValue:
    """Sends again all messages that were rejected with one code."""
    code = request.form.get("rule", "")
    if not code or "\x00" in code:
        raise DomainError("invalid_input", problem="kod")
    return _carry_out(
        "odrzucone",
        lambda session: transmissions.resend_all(session, actor(), code, clock.now()),
        f"Komunikaty odrzucone z kodem {code[:60]} zostaną wysłane ponownie.",
    )


@blueprint.post("/messages/<key:message_id>/give-up")
@roles(*AUDITORS)
def give_up(message_id: int) -> ResponseReturnValue:
    """Gives a rejected message up."""
    return _carry_out(
        "odrzucone",
        lambda session: transmissions.give_up(session, actor(), message_id, GivingUp(_reason(3)), clock.now()),
        f"Odstąpiono od wysyłki komunikatu {message_id}.",
    )


@blueprint.post("/conflicts/<key:change_id>/retry")
@roles(*DECIDERS)
def retry(change_id: int) -> ResponseReturnValue:
    """Takes a conflict over after all."""
    return _carry_out(
        "zmiany",
        lambda session: inbound.retry(session, actor(), change_id, clock.now()),
        "Zmiana z IKP została przyjęta.",
    )


@blueprint.post("/conflicts/<key:change_id>/decline")
@roles(*DECIDERS)
def decline(change_id: int) -> ResponseReturnValue:
    """Has the visit of a conflict cancelled at the centre."""
    return _carry_out(
        "zmiany",
        lambda session: inbound.decline(session, actor(), change_id, inbound.Note(note=_reason()), clock.now()),
        "Odwołanie wizyty zostanie przekazane do centralnej e‑rejestracji.",
    )


@blueprint.post("/conflicts/<key:change_id>/dismiss")
@roles(*DECIDERS)
def dismiss(change_id: int) -> ResponseReturnValue:
    """Sets a conflict aside."""
    return _carry_out(
        "zmiany",
        lambda session: inbound.dismiss(session, actor(), change_id, inbound.Note(note=_reason()), clock.now()),
        "Zmiana z IKP została odłożona.",
    )


DECIDED = {
    Decision.RESEND: "Wizyta zostanie wysłana ponownie.",
    Decision.TAKE_OVER: "Stan z centralnej e‑rejestracji został przyjęty albo czeka na liście zmian z IKP.",
    Decision.DISMISS: "Różnica została odłożona.",
}


@blueprint.post("/differences/<key:difference_id>/<word>")
@roles(*DECIDERS)
def decide(difference_id: int, word: str) -> ResponseReturnValue:
    """Settles a difference.

    Raises:
        DomainError: `not_found`, there is no such decision.
    """
    if word not in {each.value for each in Decision}:
        raise DomainError("not_found", what=request.path)
    decision = Decision(word)

    def settle(session: Session) -> None:
        command = DecisionOnDifference(decision=decision, note=_reason() if decision is Decision.DISMISS else None)
        reconciliation.decide(session, actor(), difference_id, command, clock.now())

    return _carry_out("roznice", settle, DECIDED[decision])


@blueprint.post("/loads/<key:load_id>/rows/<key:row_id>/resend")
@roles(Role.ADMINISTRATOR)
def resend_row(load_id: int, row_id: int) -> ResponseReturnValue:
    """Sends the visit of a refused row again."""
    return _carry_out(
        "zasilenia",
        lambda session: initial_loads.resend(session, actor(), load_id, row_id),
        "Wizyta z odrzuconego wiersza zostanie wysłana ponownie.",
    )


def _carry_out(place: str, act: Callable[[Session], object], done: str) -> ResponseReturnValue:
    """Does it, tells at its place on the page what was done or why not, and shows the page again.

    Raises:
        DomainError: `not_found`, because there is no place to tell it at.
    """
    try:
        with transaction() as session:
            act(session)
    except DomainError as error:
        if error.code == "not_found":
            raise
        flash(f"{error.sentence('pl')} {error.way_out('pl')}", f"{place}-bad")
    else:
        flash(done, f"{place}-good")
    return redirect(url_for("handover.show", _anchor=place))


def _reason(shortest: int = 1) -> str:
    """The reason that was typed.

    Raises:
        DomainError: `invalid_input`, there is none, or it is too long.
    """
    reason = request.form.get("reason", "").strip()
    if not shortest <= len(reason) <= LONGEST or "\x00" in reason:
        raise DomainError("invalid_input", problem=f"powód (od {shortest} do {LONGEST} znaków)")
    return reason


# one by one


@blueprint.get("/conflicts/<key:change_id>")
@roles(Role.MIDWIFE)
def conflict(change_id: int) -> ResponseReturnValue:
    """A change with the woman whom the centre named."""
    with transaction() as session:
        found = handover.conflict_with_woman(session, actor(), change_id)
        common = frame(session)
    return render_template("handover/conflict.html", conflict=found, **common)


@blueprint.get("/differences/<key:difference_id>")
@roles(Role.MIDWIFE)
def difference(difference_id: int) -> ResponseReturnValue:
    """A difference with the woman whom the centre names."""
    with transaction() as session:
        found = handover.gap_with_woman(session, actor(), difference_id)
        common = frame(session)
    return render_template("handover/difference.html", gap=found, **common)


@blueprint.get("/loads/<key:load_id>/refused.csv")
@roles(Role.ADMINISTRATOR)
def refused_rows(load_id: int) -> Response:
    """The refused rows of an initial load, for a spreadsheet."""
    with transaction() as session:
        table = initial_loads.as_csv(initial_loads.refused_rows(session, actor(), load_id))
    attachment = {"Content-Disposition": f"attachment; filename=odrzucone-{load_id}.csv"}
    return Response("\ufeff" + table, mimetype="text/csv", headers=attachment)
