"""The schedules that take the slots of a template: those that there are, and those that have to be made.

A slot goes to the contract range that derivation would choose for its path and day. A stop has one schedule for each
range; a stationary place one for each range and month, whose days grow where a template works on more of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID, uuid4

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.product_codes import ContractedRange
from mobile_units.rules.programmes import Path, Programme
from mobile_units.services.derivation import Contracts, point_of


@dataclass(slots=True)
class ScheduleBook:
    """The schedules of one stop, or of one stationary place; `places` are those that examine in a programme.

    `known` are stored. `new` are made when they are asked for, and are the caller's to give hours and days, and to
    store. `points` are the stop's by place.
    """

    contracts: Contracts
    places: Mapping[Programme, ServicePlace]
    known: Sequence[Schedule]
    stop: Stop | None = None
    points: dict[int, MobilePoint] = field(default_factory=dict)
    new: list[Schedule] = field(default_factory=list)
    chosen: dict[tuple[Path, date], Schedule] = field(default_factory=dict)

    def uuid_of(self, path: Path, day: date) -> UUID:
        """The identifier of the schedule that takes the slots of a path on a day.

        Raises:
            DomainError: `template_not_for_unit`, nobody examines in the path's programme there;
                `no_contracted_range`.
        """
        if (path, day) not in self.chosen:
            self.chosen[path, day] = self._choose(path, day)
        return self.chosen[path, day].uuid

    def all(self) -> Iterable[Schedule]:
        """All that there are, and all that were made."""
        return (*self.known, *self.new)

    def _choose(self, path: Path, day: date) -> Schedule:
        place = self.places.get(path.programme)
        if place is None:
            raise DomainError("template_not_for_unit", path=path)
        contracted = self._range(place, path, day)
        own = [
            each
            for each in self.all()
            if each.service_place.id == place.id
            and each.contract_range_id == contracted.id
            and self._may_take(each, day)
        ]
        nearest = min(own, key=lambda each: _days_away(each, day), default=None)
        return nearest or self._make(place, path, contracted, day)

    def _range(self, place: ServicePlace, path: Path, day: date) -> ContractedRange:
        offered = dict(self.contracts.offered(place, path.programme, day))
        if path not in offered:
            raise DomainError("no_contracted_range", path=path, day=day.isoformat())
        return offered[path]

    def _may_take(self, schedule: Schedule, day: date) -> bool:
        """One of a stationary place lasts within a month, so that nothing else of its range comes to lie in between."""
        same_month = (schedule.valid_from.year, schedule.valid_from.month) == (day.year, day.month)
        return self.stop is not None or same_month or not _days_away(schedule, day)

    def _make(self, place: ServicePlace, path: Path, contracted: ContractedRange, day: date) -> Schedule:
        made = Schedule(
            uuid=uuid4(),
            provider_id=place.provider_id,
            service_place=place,
            place_mobility=place.mobility,
            mobile=self.stop is not None,
            mobile_point=self._point(self.stop, place) if self.stop else None,
            contract_range_id=contracted.id,
            programme=path.programme,
            path=path,
            valid_from=day,
            valid_to=day,
            women_planned=0,
        )
        self.new.append(made)
        return made

    def _point(self, stop: Stop, place: ServicePlace) -> MobilePoint:
        if place.id not in self.points:
            self.points[place.id] = point_of(stop, place)
        return self.points[place.id]


def _days_away(schedule: Schedule, day: date) -> int:
    return max(0, (schedule.valid_from - day).days, (day - schedule.valid_to).days)
