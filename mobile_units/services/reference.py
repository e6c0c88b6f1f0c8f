"""Reference data that all providers share: product codes, and who may be screened."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mobile_units.models.base import Base
from mobile_units.models.eligibility import EligibilityExclusion, EligibilityRule
from mobile_units.models.product_codes import ProductCode
from mobile_units.rules.eligibility import DEFAULT_EXCLUSIONS, DEFAULT_RULES
from mobile_units.rules.product_codes import DEFAULT_CATALOGUE


def load_reference_data(session: Session) -> None:
    """Stores the default rows of the rules; rows stored before keep their keys and get the present values.

    Any number of processes may do it at once.
    """
    codes = ({"provider_id": None} | asdict(entry) for entry in DEFAULT_CATALOGUE)
    _upsert(session, ProductCode, ("provider_id", "code", "valid_from"), codes)
    _upsert(
        session, EligibilityRule, ("path", "after_path", "risk_group", "valid_from"), map(_without_id, DEFAULT_RULES)
    )
    _upsert(session, EligibilityExclusion, ("code", "programme", "valid_from"), map(asdict, DEFAULT_EXCLUSIONS))


def _without_id(rule: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(rule).items() if name != "id"}


def _upsert(session: Session, entity: type[Base], key: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Every process stores the rows in the same order, so that none waits for another in a circle."""
    statement = insert(entity).values(list(rows))
    changed = {column.name: column for column in statement.excluded if column.name not in {*key, "id", "version"}}
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))
