"""One itinerary: what it is worth, what is wrong with it, and the steps from a draft to what is published.

Its drawings are in `itinerary_drawings`, what is taken along on paper in `papers`, edits of single stops in `stops`,
breakdowns in `breakdowns`. Whatever is refused is told on the page where it was
asked for, with what was typed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.planning.check import Violation
from mobile_units.rules.roles import Role
from mobile_units.services import itineraries, planning, publishing, review, versions
from mobile_units.services.derivation import Published
from mobile_units.services.itineraries import ItineraryFilter
from mobile_units.services.queries import Paging
from mobile_units.services.versions import Comparison
from routes.auth import roles
from routes.database import actor, transaction
from routes.errors import STATUS
from routes.pages import fields, itinerary_drawings
from routes.pages.handover import LONGEST, frame
from routes.pages.words import figure

MANY = Paging(page_size=200)
"""The itineraries among which one is chosen for comparison, the latest."""

blueprint = Blueprint("itinerary_page", __name__, url_prefix="/itineraries")


# reading


@blueprint.get("/<key:itinerary_id>")
@roles(Role.COORDINATOR)
def show(itinerary_id: int) -> ResponseReturnValue:
    """All that is known of an itinerary, and what can be done with it."""
    return _shown(itinerary_id)


def _shown(itinerary_id: int, refused: DomainError | None = None) -> ResponseReturnValue:
    """The page; after an approval was refused, with the reasons that were typed."""
    with transaction() as session:
        found = review.read(session, actor(), itinerary_id)
        common = frame(session)
    told = {
        "review": found,
        "itinerary": found.itinerary,
        "today": clock.today(),
        "timeline": itinerary_drawings.timeline_of(found, clock.today()),
        "map": itinerary_drawings.map_of(found),
        "colours": {unit.id: unit.colour for unit in itinerary_drawings.units_of(found)},
        "site_names": {site.id: site.name for site in found.problem.sites},
        "by_code": _by_code(found.violations),
        "refused": refused,
        "typed": request.form if refused else {},
    }
    return render_template("itineraries/show.html", **told, **common), STATUS[refused.code] if refused else 200


class OfKind(Protocol):
    """Something wrong, of one of the kinds."""

    @property
    def code(self) -> str:
        """The kind."""


Wrong = TypeVar("Wrong", bound=OfKind)


def _by_code(violations: Iterable[Wrong]) -> Mapping[str, Sequence[Wrong]]:
    """Violations of one kind together, in the order of their first."""
    found: defaultdict[str, list[Wrong]] = defaultdict(list)
    for violation in violations:
        found[violation.code].append(violation)
    return found


# the life of a version


@blueprint.post("/<key:itinerary_id>/approve")
@roles(Role.COORDINATOR)
def approve(itinerary_id: int) -> ResponseReturnValue:
    """Approves a draft; every kind of violation needs its reason."""
    try:
        with transaction() as session:
            version = fields.whole(request.form, "version", "wersja", 0)
            base_version = fields.whole_if_any(request.form, "base_version", "wersja", 0, fields.LARGEST_KEY)
            versions.approve(
                session,
                actor(),
                itinerary_id,
                version,
                clock.now(),
                accepted_reason=_reasons(planning.violations(session, actor(), itinerary_id)),
                base_version=base_version,
            )
    except DomainError as error:
        return refusal(error, _shown, itinerary_id)
    return done(itinerary_id, "Trasa jest zatwierdzona. Można ją opublikować.")


def _reasons(violations: Sequence[Violation]) -> str | None:
    """The reasons that were typed, one for every kind of violation; None if there are no violations.

    Raises:
        DomainError: `itinerary_has_violations`, a kind has no reason; `invalid_input`, a reason is too long.
    """
    kinds = _by_code(violations)
    if not all(request.form.get(f"reason-{code}", "").strip() for code in kinds):
        raise DomainError("itinerary_has_violations", count=len(violations))
    typed = {code: fields.line(request.form, f"reason-{code}", "powód", LONGEST) for code in kinds}
    if len(typed) < 2:
        return next(iter(typed.values()), None)
    return "\n".join(f"{kinds[code][0].message_pl} {reason}" for code, reason in typed.items())


@blueprint.post("/<key:itinerary_id>/reopen")
@roles(Role.COORDINATOR)
def reopen(itinerary_id: int) -> ResponseReturnValue:
    """Makes an approved itinerary a draft again."""
    return carry_out(
        itinerary_id,
        lambda session, version: versions.reopen(session, actor(), itinerary_id, version),
        "Trasa jest znów szkicem.",
    )


@blueprint.post("/<key:itinerary_id>/discard")
@roles(Role.COORDINATOR)
def discard(itinerary_id: int) -> ResponseReturnValue:
    """Puts a draft aside."""
    return carry_out(
        itinerary_id,
        lambda session, version: itineraries.discard(session, actor(), itinerary_id, version),
        "Szkic jest odrzucony. Można go jeszcze oglądać i porównywać.",
    )


@blueprint.post("/<key:itinerary_id>/rename")
@roles(Role.COORDINATOR)
def rename(itinerary_id: int) -> ResponseReturnValue:
    """Gives a draft another name."""

    def act(session: Session, version: int) -> None:
        name = fields.line(request.form, "name", "nazwa", 200)
        itineraries.change(session, actor(), itinerary_id, version, {"name": name})

    return carry_out(itinerary_id, act, "Nazwa jest zmieniona.")


@blueprint.post("/<key:itinerary_id>/revise")
@roles(Role.COORDINATOR)
def revise(itinerary_id: int) -> ResponseReturnValue:
    """Begins a new version of a published itinerary, and shows it."""
    try:
        with transaction() as session:
            made = versions.revise(session, actor(), itinerary_id)
    except DomainError as error:
        return tell(error, itinerary_id)
    return done(made.id, "To szkic nowej wersji. Dopóki nie zostanie opublikowany, obowiązuje poprzednia.")


def carry_out(
    itinerary_id: int, act: Callable[[Session, int], object], said: str, anchor: str | None = None
) -> ResponseReturnValue:
    """Does something by the version that was read, and shows the itinerary with what was done or why not."""
    try:
        with transaction() as session:
            act(session, fields.whole(request.form, "version", "wersja", 0))
    except DomainError as error:
        return tell(error, itinerary_id)
    return done(itinerary_id, said, anchor)


def done(itinerary_id: int, said: str, anchor: str | None = None) -> ResponseReturnValue:
    """The itinerary, saying what was done to it."""
    flash(said, "itinerary-good")
    return redirect(url_for("itinerary_page.show", itinerary_id=itinerary_id, _anchor=anchor))


def tell(error: DomainError, itinerary_id: int) -> ResponseReturnValue:
    """The itinerary, saying why something was not done; `not_found` passes."""
    if error.code == "not_found":
        raise error
    flash(f"{error.sentence('pl')} {error.way_out('pl')}", "itinerary-bad")
    return redirect(url_for("itinerary_page.show", itinerary_id=itinerary_id))


def refusal(
    error: DomainError, page: Callable[[int, DomainError], ResponseReturnValue], itinerary_id: int
) -> ResponseReturnValue:
    """The page on which something was asked for, with the refusal and what was typed; `not_found` passes."""
    if error.code == "not_found":
        raise error
    return page(itinerary_id, error)


# publication


@blueprint.get("/<key:itinerary_id>/publication")
@roles(Role.COORDINATOR)
def publication(itinerary_id: int) -> ResponseReturnValue:
    """What publishing would do, and what is in its way; with visits there, as if their slots might be orphaned."""
    return _publication(itinerary_id)


def _publication(itinerary_id: int, refused: DomainError | None = None) -> ResponseReturnValue:
    preview, in_the_way = None, None
    with transaction() as session:
        itinerary = itineraries.get(session, actor(), itinerary_id)
        common = frame(session)
    try:
        with transaction() as session:
            preview = publishing.preview(session, actor(), itinerary_id, clock.now(), orphan=True)
    except DomainError as error:
        in_the_way = error
    told = {"itinerary": itinerary, "preview": preview, "in_the_way": in_the_way, "refused": refused}
    page = render_template("itineraries/publication.html", **told, **common)
    return page, STATUS[refused.code] if refused else 200


@blueprint.post("/<key:itinerary_id>/publication")
@roles(Role.COORDINATOR)
def publish(itinerary_id: int) -> ResponseReturnValue:
    """Publishes an approved itinerary."""
    try:
        with transaction() as session:
            version = fields.whole(request.form, "version", "wersja", 0)
            orphan = request.form.get("orphan") == "1"
            published = publishing.publish(session, actor(), itinerary_id, version, clock.now(), orphan=orphan)
    except DomainError as error:
        return refusal(error, _publication, itinerary_id)
    return done(itinerary_id, f"Trasa jest opublikowana. {_made(published)}")


def _made(published: Published) -> str:
    """What a publication made, in a sentence."""
    counts = {"punkty": published.mobile_points, "harmonogramy": published.schedules, "terminy": published.slots}
    if not any(counts.values()):
        return "Nie powstały nowe punkty ani terminy; przekazane zostanie tylko to, co się zmieniło."
    return f"Powstały {', '.join(f'{name}: {figure(count)}' for name, count in counts.items())}."


# comparison


@blueprint.get("/<key:itinerary_id>/compare")
@roles(Role.COORDINATOR)
def compare(itinerary_id: int) -> ResponseReturnValue:
    """What is different from another itinerary, unless it is named from the one that it revises."""
    wanted = fields.whole_if_any(request.args, "other_id", "trasa do porównania", 1, fields.LARGEST_KEY)
    with transaction() as session:
        itinerary = itineraries.get(session, actor(), itinerary_id)
        other_id = wanted or itinerary.revises_id
        comparison = versions.compare(session, actor(), other_id, itinerary_id) if other_id else None
        page = itineraries.find(session, actor(), ItineraryFilter(MANY))
        common = frame(session)
    told = {
        "itinerary": itinerary,
        "comparison": comparison,
        "groups": _compared(comparison) if comparison else {},
        "others": [each for each in page.items if each.id != itinerary_id],
    }
    return render_template("itineraries/compare.html", **told, **common)


def _compared(comparison: Comparison) -> Mapping[str, Sequence[Any]]:
    """The compared stops by what became of them."""
    groups: dict[str, list[Any]] = {"changed": [], "added": [], "removed": [], "same": []}
    for each in comparison.stops:
        word = "added" if each.one is None else "removed" if each.other is None else "changed"
        groups["same" if word == "changed" and not each.differences else word].append(each)
    return groups
