"""The reference data that all providers share."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.models.eligibility import EligibilityExclusion, EligibilityRule
from mobile_units.models.product_codes import ProductCode
from mobile_units.rules.eligibility import DEFAULT_EXCLUSIONS, DEFAULT_RULES
from mobile_units.rules.product_codes import DEFAULT_CATALOGUE
from mobile_units.services import eligibility, product_codes
from mobile_units.services.actors import Actor
from mobile_units.services.reference import load_reference_data

TABLES = (ProductCode, EligibilityRule, EligibilityExclusion)


def test_the_defaults_of_the_rules_come_back_as_they_are(session: Session, actor: Actor) -> None:
    """What the rules read from the database is what they ship, with keys."""
    load_reference_data(session)
    rules, exclusions = eligibility.rules(session)
    assert {(r.path, r.after_path, r.risk_group, r.interval_months, r.confirmed) for r in rules} == {
        (r.path, r.after_path, r.risk_group, r.interval_months, r.confirmed) for r in DEFAULT_RULES
    }
    assert all(rule.id is not None for rule in rules)
    assert set(exclusions) == set(DEFAULT_EXCLUSIONS)
    assert set(product_codes.catalogue(session, actor.provider_id)) == set(DEFAULT_CATALOGUE)


def test_loading_again_mends_rows_and_keeps_their_keys(session: Session) -> None:
    """Visits point to rules, so a new version of a rule must not get a new key."""
    load_reference_data(session)
    before = session.execute(select(EligibilityRule.id, EligibilityRule.age_to).order_by(EligibilityRule.id)).all()
    session.execute(text("UPDATE eligibility_rules SET age_to = 99"))
    load_reference_data(session)
    after = session.execute(select(EligibilityRule.id, EligibilityRule.age_to).order_by(EligibilityRule.id)).all()
    assert after == before


def test_many_processes_may_load_at_once(engine: Engine) -> None:
    """Each succeeds and every row is there once."""

    def load(_: int) -> None:
        with db.transaction(engine) as session:
            load_reference_data(session)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, range(12)))
    with Session(engine) as session:
        counts = [session.scalar(select(func.count()).select_from(table)) for table in TABLES]
        shared = session.scalar(select(func.count()).where(ProductCode.provider_id.is_(None)))
    assert (shared, *counts[1:]) == (len(DEFAULT_CATALOGUE), len(DEFAULT_RULES), len(DEFAULT_EXCLUSIONS))
