"""The effective-dated catalogue of NFZ product codes."""

from datetime import date

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from mobile_units.models.base import Base, Key, Versioned, reference, vocabulary
from mobile_units.rules.programmes import Mobility, Path, Programme, Setting


class ProductCode(Versioned, Base):
    """One code of the catalogue, shared (`provider_id` empty) or added by a provider.

    `path`, `setting` and `mobility` say what the code pays for; empty setting or mobility means any. An associated
    range (zakres skojarzony) is contracted together with the code in `associated_with`. `confirmed` is false where the
    code has to be checked against the contract.
    """

    __tablename__ = "product_codes"
    __table_args__ = (
        Index(
            "uq_product_codes_code",
            "provider_id",
            "code",
            "valid_from",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("code ~ '^[0-9]{2}[.][0-9]{4}[.][0-9]{3}[.][0-9]{2}$'", name="code"),
        CheckConstraint("valid_from <= valid_to", name="valid"),
        CheckConstraint("(path IS NULL) = (programme IS NULL)", name="path_and_programme"),
    )

    id: Mapped[Key]
    provider_id: Mapped[int | None] = reference("providers.id")
    code: Mapped[str]
    name_pl: Mapped[str]
    programme: Mapped[Programme | None] = mapped_column(vocabulary(Programme, "programme"))
    path: Mapped[Path | None] = mapped_column(vocabulary(Path, "path"))
    setting: Mapped[Setting | None] = mapped_column(vocabulary(Setting, "setting"))
    mobility: Mapped[Mobility | None] = mapped_column(vocabulary(Mobility, "mobility"))
    associated_with: Mapped[str | None]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    confirmed: Mapped[bool]
    source: Mapped[str]
