"""Bodies for the API of the catalogues, refusals caught by their code, and reference data for requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.services.reference import load_reference_data
from tests.factories import ApiClient

MONDAY = {"programme": "breast", "weekday": 1, "opens": "08:00", "closes": "15:30", "minutes_per_woman": 8, "rooms": 1}
LAB: dict[str, Any] = {
    "name": "Pracownia mammografii",
    "cell_code": "001",
    "specialty_code": "7940",
    "mobility": "stationary",
    "setting": None,
    "address": "Łódź, ul. Próbna 1",
    "opening_hours": [MONDAY],
}
BUS: dict[str, Any] = LAB | {"name": "Mammobus", "cell_code": "002", "mobility": "mobile", "opening_hours": []}
UNIT: dict[str, Any] = {
    "code": "M1",
    "name": "Mammobus 1",
    "base_latitude": 51.77,
    "base_longitude": 19.46,
    "weekdays": [1, 2, 3, 4, 5],
    "opens": "08:00",
    "closes": "16:00",
    "setup_minutes": 60,
}
CONTRACT: dict[str, Any] = {
    "number": "051/100200/10/2026",
    "nfz_branch": "05",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
}


def load_reference(engine: Engine) -> None:
    """Reference data that requests can see."""
    with db.transaction(engine) as session:
        load_reference_data(session)


def kept(api: ApiClient, path: str, body: dict[str, Any]) -> Any:
    """What was created by a request that succeeds."""
    answer = api.post(path, body)
    assert answer.status_code == 201, answer.json
    return answer.json


def range_of(code: str, **more: Any) -> dict[str, Any]:
    """A range as it is sent."""
    return {"product_code": code, "quantity_limit": 100} | more


@contextmanager
def refused(code: str) -> Iterator[None]:
    """What happens inside has to be refused with the code."""
    with pytest.raises(DomainError) as caught:
        yield
    assert caught.value.code == code
