"""Contracts with an NFZ branch and their ranges by product code."""

from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Key, Owned, Versioned, reference


class Contract(Owned, Versioned, Base):
    """A contract (umowa) of a provider with one NFZ branch, valid from and to a day, both included."""

    __tablename__ = "contracts"
    __table_args__ = (
        UniqueConstraint("provider_id", "nfz_branch", "number"),
        CheckConstraint("nfz_branch ~ '^(0[1-9]|1[0-6])$'", name="nfz_branch"),
        CheckConstraint("valid_from <= valid_to", name="valid"),
    )

    number: Mapped[str]
    nfz_branch: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    created_at: Mapped[CreatedAt]

    ranges: Mapped[list["ContractRange"]] = relationship(
        order_by="ContractRange.product_code, ContractRange.service_place_id.nulls_first()",
        back_populates="contract",
        cascade="all, delete-orphan",
    )


class ContractRange(Base):
    """A range (zakres świadczeń) of a contract: what may be settled under one product code, how many and at what price.

    `quantity_limit` counts examinations in the contract's validity; `unit_price` is in złoty and empty where unknown.
    Without a service place the range holds for every place of the provider.
    """

    __tablename__ = "contract_ranges"
    __table_args__ = (
        Index(
            "uq_contract_ranges_code_and_place",
            "contract_id",
            "product_code",
            "service_place_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("quantity_limit >= 0", name="quantity_limit"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
        CheckConstraint("product_code ~ '^[0-9]{2}[.][0-9]{4}[.][0-9]{3}[.][0-9]{2}$'", name="product_code"),
    )

    id: Mapped[Key]
    contract_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("contracts.id", ondelete="CASCADE"))
    product_code: Mapped[str]
    service_place_id: Mapped[int | None] = reference("service_places.id")
    quantity_limit: Mapped[int]
    unit_price: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))

    contract: Mapped[Contract] = relationship(back_populates="ranges")
