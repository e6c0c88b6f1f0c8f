"""The waiting list. Only the address that ends in `with-women` names a woman."""

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from mobile_units import clock
from mobile_units.rules.roles import Role
from mobile_units.services import offers, waiting_list
from mobile_units.services.queries import Page
from mobile_units.services.waiting_list import EntryInQueue
from routes.auth import roles
from routes.database import actor, transaction, transaction_about_a_woman
from schemas.waiting_list import (
    EntryChangeSchema,
    EntryFilterSchema,
    EntryInQueueSchema,
    EntryPageSchema,
    EntryVersionSchema,
    EntryWithWomanPageSchema,
    NewEntrySchema,
)

blueprint = Blueprint("waiting_list", __name__, description="Who waits for a place, and what is offered to her")


@blueprint.route("/waiting-list")
class WaitingList(MethodView):
    """All entries of the provider."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.arguments(EntryFilterSchema, location="query")
    @blueprint.response(200, EntryPageSchema)
    def get(self, criteria: waiting_list.EntryFilter) -> Page[EntryInQueue]:
        """List entries in the order in which places are offered, without the women."""
        with transaction() as session:
            return waiting_list.find(session, actor(), criteria)

    @roles(Role.MIDWIFE)
    @blueprint.arguments(NewEntrySchema)
    @blueprint.response(201, EntryInQueueSchema)
    def post(self, command: waiting_list.NewEntry) -> EntryInQueue:
        """Put a woman on the list; where she could book at once, the free places are told instead."""
        with transaction_about_a_woman("waiting_add") as session:
            entry = waiting_list.add(session, actor(), command, clock.now())
            return waiting_list.in_queue(session, entry)


@blueprint.route("/waiting-list/with-women")
class WaitingListWithWomen(MethodView):
    """Entries with the women."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(EntryFilterSchema, location="query")
    @blueprint.response(200, EntryWithWomanPageSchema)
    def get(self, criteria: waiting_list.EntryFilter) -> Page[EntryInQueue]:
        """List entries with the women, as who calls them needs it."""
        with transaction() as session:
            return waiting_list.find_with_women(session, actor(), criteria)


@blueprint.route("/waiting-list/<key:entry_id>")
class OneEntry(MethodView):
    """One entry."""

    @roles(Role.COORDINATOR, Role.MIDWIFE)
    @blueprint.response(200, EntryInQueueSchema)
    def get(self, entry_id: int) -> EntryInQueue:
        """Read an entry, without the woman."""
        with transaction() as session:
            return waiting_list.get(session, actor(), entry_id)

    @roles(Role.MIDWIFE)
    @blueprint.arguments(EntryChangeSchema)
    @blueprint.response(200, EntryInQueueSchema)
    def patch(self, change: dict[str, Any], entry_id: int) -> EntryInQueue:
        """Change what a woman waits for; she keeps her place in the queue."""
        with transaction_about_a_woman("waiting_change") as session:
            entry = waiting_list.change(session, actor(), entry_id, **change, now=clock.now())
            return waiting_list.in_queue(session, entry)


@blueprint.route("/waiting-list/<key:entry_id>/withdraw")
class EntryWithdrawal(MethodView):
    """Taking a woman off the list."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(EntryVersionSchema)
    @blueprint.response(200, EntryInQueueSchema)
    def post(self, wanted: dict[str, Any], entry_id: int) -> EntryInQueue:
        """Take a woman off the list; a place held for her goes to the next one."""
        with transaction() as session:
            return waiting_list.in_queue(session, offers.withdraw(session, actor(), entry_id, wanted["version"]))


@blueprint.route("/waiting-list/<key:entry_id>/put-back")
class EntryPutBack(MethodView):
    """Putting a woman back."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(EntryVersionSchema)
    @blueprint.response(200, EntryInQueueSchema)
    def post(self, wanted: dict[str, Any], entry_id: int) -> EntryInQueue:
        """Put a woman who let an offer pass at the end of the list."""
        with transaction_about_a_woman("waiting_put_back") as session:
            entry = waiting_list.put_back(session, actor(), entry_id, wanted["version"], clock.now())
            return waiting_list.in_queue(session, entry)


@blueprint.route("/waiting-list/<key:entry_id>/accept")
class OfferAcceptance(MethodView):
    """Accepting an offer."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(EntryVersionSchema)
    @blueprint.response(200, EntryInQueueSchema)
    def post(self, wanted: dict[str, Any], entry_id: int) -> EntryInQueue:
        """Book the place that is held for a woman."""
        with transaction() as session:
            entry = offers.accept(session, actor(), entry_id, wanted["version"], clock.now())
            return waiting_list.in_queue(session, entry)


@blueprint.route("/waiting-list/<key:entry_id>/decline")
class OfferRefusal(MethodView):
    """Declining an offer."""

    @roles(Role.MIDWIFE)
    @blueprint.arguments(EntryVersionSchema)
    @blueprint.response(200, EntryInQueueSchema)
    def post(self, wanted: dict[str, Any], entry_id: int) -> EntryInQueue:
        """Give up the place that is held for a woman; she keeps her place in the queue."""
        with transaction() as session:
            return waiting_list.in_queue(session, offers.decline(session, actor(), entry_id, wanted["version"]))
