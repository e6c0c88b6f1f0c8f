"""What all tables share: naming of constraints, columns that recur, and the check of a vocabulary."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, DateTime, Enum, ForeignKey, Identity, MetaData, func
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

Key = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
CreatedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
Uuid = Annotated[UUID, mapped_column(default=uuid4, unique=True)]


class Base(DeclarativeBase):
    """Declarative base; every constraint has a name that the rest of the code may rely on."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        }
    )


class Versioned:
    """Optimistic locking: a change names the version that it read."""

    version: Mapped[int] = mapped_column(default=1)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        """Makes `version` the version counter of the mapper."""
        return {"version_id_col": cls.version}


class Owned:
    """A table whose rows belong to one provider."""

    id: Mapped[Key]
    provider_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("providers.id"), index=True)


def vocabulary(values: type[StrEnum], name: str) -> Enum:
    """A text column that holds the values of `values` only; `name` is the suffix of its CHECK constraint."""
    return Enum(
        values, native_enum=False, create_constraint=True, name=name, values_callable=lambda e: [m.value for m in e]
    )


def reference(target: str, **options: Any) -> Any:
    """An indexed foreign key to `target`, as `reference("sites.id")`."""
    return mapped_column(BigInteger, ForeignKey(target), index=True, **options)
