"""Messages to women about the provider's own changes, and the calls to those who cannot be written to."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Instant, Owned, Uuid, reference, vocabulary
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.deliveries import DeliveryState
from mobile_units.rules.messages import Channel, NoticeKind


class CallResult(StrEnum):
    """What came of a telephone call; without an answer somebody calls again."""

    TOLD = "told"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"


class MessageToWoman(Owned, Base):
    """One notice for one woman, sent once (see `rules.deliveries`); it holds nothing about her.

    Text and address are made when it is sent, from what is true then. `was` is the appointment before the change
    (`starts_at`, `locality`, `place`), `occasion` tells several changes of one visit apart. A message `to_call` is on
    the call list until a call ends as `told`; `called_at` and `call_result` are those of the last of `calls`.
    """

    __tablename__ = "messages_to_women"
    __table_args__ = (
        UniqueConstraint("visit_id", "kind", "occasion"),
        CheckConstraint("(state = 'claimed') = (leased_until IS NOT NULL)", name="claimed_is_leased"),
        CheckConstraint("(called_at IS NULL) = (call_result IS NULL)", name="called_with_result"),
        Index(
            "ix_messages_to_women_due",
            "next_attempt_at",
            postgresql_where=text("state IN ('waiting', 'claimed', 'uncertain')"),
        ),
        Index(
            "ix_messages_to_women_to_call",
            "provider_id",
            "id",
            postgresql_where=text("state = 'to_call' AND call_result IS DISTINCT FROM 'told'"),
        ),
    )

    uuid: Mapped[Uuid]
    woman_id: Mapped[int] = reference("women.id")
    visit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("visits.id"))
    kind: Mapped[NoticeKind] = mapped_column(vocabulary(NoticeKind, "kind"))
    occasion: Mapped[str] = mapped_column(default="")
    was: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    channel: Mapped[Channel] = mapped_column(vocabulary(Channel, "channel"))
    state: Mapped[DeliveryState] = mapped_column(vocabulary(DeliveryState, "state"), default=DeliveryState.WAITING)
    perhaps_arrived: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    first_attempt_at: Mapped[Instant | None]
    next_attempt_at: Mapped[Instant]
    leased_until: Mapped[Instant | None]
    sent_at: Mapped[Instant | None]
    reason: Mapped[str | None]
    receiver_reference: Mapped[str | None]
    calls: Mapped[int] = mapped_column(default=0)
    called_at: Mapped[Instant | None]
    called_by_id: Mapped[int | None] = reference("users.id")
    call_result: Mapped[CallResult | None] = mapped_column(vocabulary(CallResult, "call_result"))
    created_at: Mapped[CreatedAt]

    woman: Mapped[Woman] = relationship()
    visit: Mapped[Visit] = relationship()


class HaltedWay(Base):
    """A way by which nothing is sent since we were not let in, until a person resumes it; `reason` is of ours."""

    __tablename__ = "halted_ways"

    channel: Mapped[Channel] = mapped_column(vocabulary(Channel, "channel"), primary_key=True)
    halted_at: Mapped[Instant]
    reason: Mapped[str]
