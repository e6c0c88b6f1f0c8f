"""Who may be screened: reading the rules and the exclusions that are data."""

from dataclasses import dataclass, fields
from datetime import date

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.eligibility import EligibilityExclusion, EligibilityRule
from mobile_units.rules.eligibility import EligibilityRule as Rule
from mobile_units.rules.eligibility import Exclusion
from mobile_units.rules.programmes import Path, Programme
from mobile_units.services.queries import Page, Paging, in_force_on, page_of


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """Which rules are wanted."""

    paging: Paging = Paging()
    programme: Programme | None = None
    path: Path | None = None
    valid_on: date | None = None


@dataclass(frozen=True, slots=True)
class ExclusionFilter:
    """Which exclusions are wanted."""

    paging: Paging = Paging()
    programme: Programme | None = None
    valid_on: date | None = None


def find_rules(session: Session, criteria: RuleFilter) -> Page[EligibilityRule]:
    """Rules by path; they are the same for all providers."""
    query = select(EligibilityRule)
    if criteria.programme:
        query = query.where(EligibilityRule.programme == criteria.programme)
    if criteria.path:
        query = query.where(EligibilityRule.path == criteria.path)
    if criteria.valid_on:
        query = query.where(in_force_on(EligibilityRule, criteria.valid_on))
    return page_of(session, query.order_by(EligibilityRule.path, EligibilityRule.id), criteria.paging)


def find_exclusions(session: Session, criteria: ExclusionFilter) -> Page[EligibilityExclusion]:
    """Exclusions by programme and code; they are the same for all providers."""
    query = select(EligibilityExclusion)
    if criteria.programme:
        query = query.where(EligibilityExclusion.programme == criteria.programme)
    if criteria.valid_on:
        query = query.where(in_force_on(EligibilityExclusion, criteria.valid_on))
    order = (EligibilityExclusion.programme, EligibilityExclusion.code, EligibilityExclusion.id)
    return page_of(session, query.order_by(*order), criteria.paging)


def get_rule(session: Session, rule_id: int) -> EligibilityRule:
    """One rule.

    Raises:
        DomainError: `not_found`.
    """
    found = session.get(EligibilityRule, rule_id)
    if found is None:
        raise DomainError("not_found", what=f"EligibilityRule {rule_id}")
    return found


def get_exclusion(session: Session, exclusion_id: int) -> EligibilityExclusion:
    """One exclusion.

    Raises:
        DomainError: `not_found`.
    """
    found = session.get(EligibilityExclusion, exclusion_id)
    if found is None:
        raise DomainError("not_found", what=f"EligibilityExclusion {exclusion_id}")
    return found


def rules(session: Session) -> tuple[list[Rule], list[Exclusion]]:
    """All rules and exclusions of all times, as `mobile_units.rules.eligibility.assess` reads them."""
    return [Rule(*row) for row in session.execute(_ALL_RULES)], exclusions(session)


def rules_of_path(session: Session, path: Path) -> list[Rule]:
    """The rules of all times that open one path."""
    return [Rule(*row) for row in session.execute(_RULES_OF_PATH, {"path": path})]


def exclusions(session: Session) -> list[Exclusion]:
    """The exclusions of all times."""
    return [Exclusion(*row) for row in session.execute(_ALL_EXCLUSIONS)]


_ALL_RULES = select(*(getattr(EligibilityRule, field.name) for field in fields(Rule))).order_by(EligibilityRule.id)
_RULES_OF_PATH = _ALL_RULES.where(EligibilityRule.path == bindparam("path"))
_ALL_EXCLUSIONS = select(*(getattr(EligibilityExclusion, field.name) for field in fields(Exclusion))).order_by(
    EligibilityExclusion.id
)
