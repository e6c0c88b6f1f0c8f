"""Providers of screening (świadczeniodawcy)."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mobile_units.models.base import Base, CreatedAt, Key, Versioned


class Provider(Versioned, Base):
    """A legal entity with an entry in the RPWDL register; everything else belongs to one provider.

    `short_name` and `telephone` are how it speaks of itself in messages to women; without them none is written.

    `oid_root` is the provider's own node in P1 (…2.7.x), the root of the identifiers that we give to objects.
    """

    __tablename__ = "providers"
    __table_args__ = (
        CheckConstraint("rpwdl_book ~ '^[0-9]{12}$'", name="rpwdl_book"),
        CheckConstraint("regon ~ '^([0-9]{9}|[0-9]{14})$'", name="regon"),
        CheckConstraint("nip ~ '^[0-9]{10}$'", name="nip"),
        CheckConstraint("nfz_branch ~ '^(0[1-9]|1[0-6])$'", name="nfz_branch"),
        CheckConstraint("oid_root ~ '^[0-9]+([.][0-9]+)+$'", name="oid_root"),
    )

    id: Mapped[Key]
    name: Mapped[str]
    rpwdl_book: Mapped[str] = mapped_column(unique=True)
    regon: Mapped[str]
    nip: Mapped[str | None]
    nfz_branch: Mapped[str]
    oid_root: Mapped[str]
    short_name: Mapped[str | None]
    telephone: Mapped[str | None]
    created_at: Mapped[CreatedAt]
