"""Who may be screened: effective-dated rules and exclusions as data."""

from datetime import date

from sqlalchemy import CheckConstraint, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mobile_units.models.base import Base, Key, vocabulary
from mobile_units.rules.programmes import Path, Programme


class EligibilityRule(Base):
    """Age and interval for one path; the interval counts from an examination on `after_path`.

    A row with a risk group gives that group's own interval. `confirmed` is false where no source states the rule.
    """

    __tablename__ = "eligibility_rules"
    __table_args__ = (
        Index(
            "uq_eligibility_rules_case",
            "path",
            "after_path",
            "risk_group",
            "valid_from",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("age_from <= age_to", name="age"),
        CheckConstraint("interval_months >= 0", name="interval_months"),
        CheckConstraint("valid_from <= valid_to", name="valid"),
    )

    id: Mapped[Key]
    programme: Mapped[Programme] = mapped_column(vocabulary(Programme, "programme"))
    path: Mapped[Path] = mapped_column(vocabulary(Path, "path"))
    age_from: Mapped[int] = mapped_column(SmallInteger)
    age_to: Mapped[int] = mapped_column(SmallInteger)
    after_path: Mapped[Path | None] = mapped_column(vocabulary(Path, "after_path"))
    interval_months: Mapped[int] = mapped_column(SmallInteger)
    risk_group: Mapped[str | None]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    legal_source: Mapped[str]
    confirmed: Mapped[bool]


class EligibilityExclusion(Base):
    """A state of health or care that keeps a woman out of a programme."""

    __tablename__ = "eligibility_exclusions"
    __table_args__ = (
        UniqueConstraint("code", "programme", "valid_from"),
        CheckConstraint("valid_from <= valid_to", name="valid"),
    )

    id: Mapped[Key]
    code: Mapped[str]
    programme: Mapped[Programme] = mapped_column(vocabulary(Programme, "programme"))
    name_pl: Mapped[str]
    name_en: Mapped[str]
    legal_source: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
