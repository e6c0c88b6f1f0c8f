"""Initial loads (zasilInicjalnie): files of visits that were booked before the integration, sent in chunks."""

from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Key, Owned, reference, vocabulary
from mobile_units.models.visits import Visit


class LoadedRowState(StrEnum):
    """What the central system said of a row."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class InitialLoad(Owned, Base):
    """A file that was checked whole and taken in; `digest` (SHA-256) keeps the same file from being loaded twice."""

    __tablename__ = "initial_loads"
    __table_args__ = (UniqueConstraint("provider_id", "digest"),)

    file_name: Mapped[str]
    digest: Mapped[str]
    loaded_by: Mapped[int | None] = reference("users.id")
    created_at: Mapped[CreatedAt]

    chunks: Mapped[list["InitialLoadChunk"]] = relationship(order_by="InitialLoadChunk.number")


class InitialLoadChunk(Owned, Base):
    """The visits that go in one message; `number` counts from 1."""

    __tablename__ = "initial_load_chunks"
    __table_args__ = (UniqueConstraint("load_id", "number"),)

    load_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("initial_loads.id"))
    number: Mapped[int]

    rows: Mapped[list["InitialLoadRow"]] = relationship(order_by="InitialLoadRow.row")


class InitialLoadRow(Base):
    """A row of the file (counted as a spreadsheet does), the visit made from it, and why it was refused, if it was."""

    __tablename__ = "initial_load_rows"
    __table_args__ = (UniqueConstraint("visit_id"),)

    id: Mapped[Key]
    chunk_id: Mapped[int] = reference("initial_load_chunks.id")
    row: Mapped[int]
    visit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("visits.id"))
    state: Mapped[LoadedRowState] = mapped_column(vocabulary(LoadedRowState, "state"), default=LoadedRowState.WAITING)
    code: Mapped[str | None]
    rule: Mapped[str | None]
    description: Mapped[str | None]

    visit: Mapped[Visit] = relationship()
