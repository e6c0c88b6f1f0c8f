"""The diary: templates, mixed sessions, reservations, holds, the waiting list, bulk moves and messages to women.

Revision: 0004, after 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CHECKS = {
    ("slots", "capacity"): "taken BETWEEN 0 AND capacity + extra",
    ("slots", "extra"): "extra >= 0",
    ("slots", "orphaned_has_visits"): "taken > 0 OR status <> 'orphaned'",
    ("visits", "held_until"): "(status = 'held') = (held_until IS NOT NULL)",
}

BOOKABLE = "status = 'open' AND taken < capacity AND fits AND NOT kept_for_waiting"
STATUSES = ("open", "blocked", "orphaned", "withdrawn")


def _allow(statuses: Sequence[str]) -> None:
    op.execute("ALTER TABLE slots DROP CONSTRAINT ck_slots_status")
    allowed = ", ".join(f"'{status}'" for status in statuses)
    op.execute(f"ALTER TABLE slots ADD CONSTRAINT ck_slots_status CHECK (status IN ({allowed}))")


def upgrade() -> None:
    op.create_table(
        "halted_ways",
        sa.Column(
            "channel",
            sa.Enum("email", "sms", "call_list", name="channel", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("halted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_halted_ways")),
    )
    op.create_table(
        "schedule_templates",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_schedule_templates_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_templates")),
        sa.UniqueConstraint("provider_id", "name", name=op.f("uq_schedule_templates_provider_id_name")),
    )
    op.create_index(op.f("ix_schedule_templates_provider_id"), "schedule_templates", ["provider_id"], unique=False)
    op.create_table(
        "bulk_moves",
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("scope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("weights", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "proposed", "applied", "undone", "discarded", name="status", native_enum=False, create_constraint=True
            ),
            nullable=False,
        ),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(applied_at IS NULL) = (status IN ('proposed', 'discarded'))", name=op.f("ck_bulk_moves_applied")
        ),
        sa.CheckConstraint("(undone_at IS NULL) = (status <> 'undone')", name=op.f("ck_bulk_moves_undone")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_bulk_moves_author_id")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_bulk_moves_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_moves")),
    )
    op.create_index(op.f("ix_bulk_moves_author_id"), "bulk_moves", ["author_id"], unique=False)
    op.create_index(op.f("ix_bulk_moves_provider_id"), "bulk_moves", ["provider_id"], unique=False)
    op.create_table(
        "dated_exceptions",
        sa.Column("service_place_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_dated_exceptions_provider_id")),
        sa.ForeignKeyConstraint(
            ["service_place_id"], ["service_places.id"], name=op.f("fk_dated_exceptions_service_place_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dated_exceptions")),
        sa.UniqueConstraint("service_place_id", "day", name=op.f("uq_dated_exceptions_service_place_id_day")),
    )
    op.create_index(op.f("ix_dated_exceptions_provider_id"), "dated_exceptions", ["provider_id"], unique=False)
    op.create_index(
        op.f("ix_dated_exceptions_service_place_id"), "dated_exceptions", ["service_place_id"], unique=False
    )
    op.create_table(
        "mixed_sessions",
        sa.Column("stop_id", sa.BigInteger(), nullable=True),
        sa.Column("service_place_id", sa.BigInteger(), nullable=True),
        sa.Column("template_id", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(stop_id IS NULL) <> (service_place_id IS NULL)", name=op.f("ck_mixed_sessions_stop_or_place")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_mixed_sessions_starts_before_it_ends")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_mixed_sessions_provider_id")),
        sa.ForeignKeyConstraint(
            ["service_place_id"], ["service_places.id"], name=op.f("fk_mixed_sessions_service_place_id")
        ),
        sa.ForeignKeyConstraint(["stop_id"], ["stops.id"], name=op.f("fk_mixed_sessions_stop_id")),
        sa.ForeignKeyConstraint(["template_id"], ["schedule_templates.id"], name=op.f("fk_mixed_sessions_template_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mixed_sessions")),
    )
    op.create_index(op.f("ix_mixed_sessions_provider_id"), "mixed_sessions", ["provider_id"], unique=False)
    op.create_index(op.f("ix_mixed_sessions_template_id"), "mixed_sessions", ["template_id"], unique=False)
    op.create_index(
        "uq_mixed_sessions_service_place_id_starts_at", "mixed_sessions", ["service_place_id", "starts_at"], unique=True
    )
    op.create_index("uq_mixed_sessions_stop_id_starts_at", "mixed_sessions", ["stop_id", "starts_at"], unique=True)
    op.create_table(
        "bulk_move_rows",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("bulk_move_id", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("visit_version", sa.Integer(), nullable=False),
        sa.Column("to_slot_id", sa.BigInteger(), nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("km_farther", sa.Double(), nullable=True),
        sa.Column("days_later", sa.Integer(), nullable=True),
        sa.Column("cost", sa.Double(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("new_visit_id", sa.BigInteger(), nullable=True),
        sa.Column("restored_visit_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("to_slot_id IS NULL OR reason IS NULL", name=op.f("ck_bulk_move_rows_slot_or_reason")),
        sa.ForeignKeyConstraint(
            ["bulk_move_id"], ["bulk_moves.id"], name=op.f("fk_bulk_move_rows_bulk_move_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["new_visit_id"], ["visits.id"], name=op.f("fk_bulk_move_rows_new_visit_id")),
        sa.ForeignKeyConstraint(["restored_visit_id"], ["visits.id"], name=op.f("fk_bulk_move_rows_restored_visit_id")),
        sa.ForeignKeyConstraint(["to_slot_id"], ["slots.id"], name=op.f("fk_bulk_move_rows_to_slot_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_bulk_move_rows_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_move_rows")),
        sa.UniqueConstraint("bulk_move_id", "visit_id", name=op.f("uq_bulk_move_rows_bulk_move_id_visit_id")),
        sa.UniqueConstraint("new_visit_id", name=op.f("uq_bulk_move_rows_new_visit_id")),
        sa.UniqueConstraint("restored_visit_id", name=op.f("uq_bulk_move_rows_restored_visit_id")),
    )
    op.create_index(op.f("ix_bulk_move_rows_to_slot_id"), "bulk_move_rows", ["to_slot_id"], unique=False)
    op.create_index(op.f("ix_bulk_move_rows_visit_id"), "bulk_move_rows", ["visit_id"], unique=False)
    op.create_table(
        "messages_to_women",
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("woman_id", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "booked",
                "moved",
                "cancelled",
                "place_offered",
                "stop_moved",
                name="kind",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("was", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "channel",
            sa.Enum("email", "sms", "call_list", name="channel", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "claimed",
                "uncertain",
                "sent",
                "refused",
                "to_call",
                "dropped",
                name="state",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("perhaps_arrived", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("receiver_reference", sa.String(), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "call_result",
            sa.Enum("told", "no_answer", "wrong_number", name="call_result", native_enum=False, create_constraint=True),
            nullable=True,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(state = 'claimed') = (leased_until IS NOT NULL)", name=op.f("ck_messages_to_women_claimed_is_leased")
        ),
        sa.CheckConstraint(
            "(called_at IS NULL) = (call_result IS NULL)", name=op.f("ck_messages_to_women_called_with_result")
        ),
        sa.ForeignKeyConstraint(["called_by_id"], ["users.id"], name=op.f("fk_messages_to_women_called_by_id")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_messages_to_women_provider_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_messages_to_women_visit_id")),
        sa.ForeignKeyConstraint(["woman_id"], ["women.id"], name=op.f("fk_messages_to_women_woman_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages_to_women")),
        sa.UniqueConstraint("uuid", name=op.f("uq_messages_to_women_uuid")),
        sa.UniqueConstraint("visit_id", "kind", "occasion", name=op.f("uq_messages_to_women_visit_id_kind_occasion")),
    )
    op.create_index(op.f("ix_messages_to_women_called_by_id"), "messages_to_women", ["called_by_id"], unique=False)
    op.create_index(
        "ix_messages_to_women_due",
        "messages_to_women",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'claimed', 'uncertain')"),
    )
    op.create_index(op.f("ix_messages_to_women_provider_id"), "messages_to_women", ["provider_id"], unique=False)
    op.create_index(
        "ix_messages_to_women_to_call",
        "messages_to_women",
        ["provider_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'to_call' AND call_result IS DISTINCT FROM 'told'"),
    )
    op.create_index(op.f("ix_messages_to_women_woman_id"), "messages_to_women", ["woman_id"], unique=False)
    op.create_table(
        "waiting_list_entries",
        sa.Column("woman_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "programme",
            sa.Enum("breast", "cervical", name="programme", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column(
            "path",
            sa.Enum(
                "mammography", "classic_cytology", "hpv_lbc", name="path", native_enum=False, create_constraint=True
            ),
            nullable=False,
        ),
        sa.Column(
            "channel",
            sa.Enum("central", "desk", "telephone", name="channel", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("stop_id", sa.BigInteger(), nullable=True),
        sa.Column("teryt", sa.String(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("weekdays", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("after", sa.Time(), nullable=True),
        sa.Column("before", sa.Time(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "offered",
                "booked",
                "lapsed",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("visit_id", sa.BigInteger(), nullable=True),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(status = 'offered') = (answer_by IS NOT NULL)", name=op.f("ck_waiting_list_entries_offered_until")
        ),
        sa.CheckConstraint("teryt ~ '^[0-9]{2}([0-9]{2}([0-9]{2,3})?)?$'", name=op.f("ck_waiting_list_entries_teryt")),
        sa.CheckConstraint(
            "visit_id IS NOT NULL OR status NOT IN ('offered', 'booked')",
            name=op.f("ck_waiting_list_entries_has_visit"),
        ),
        sa.CheckConstraint("(stop_id IS NULL) <> (teryt IS NULL)", name=op.f("ck_waiting_list_entries_stop_or_area")),
        sa.CheckConstraint("after < before", name=op.f("ck_waiting_list_entries_hours")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_waiting_list_entries_days")),
        sa.CheckConstraint(
            "weekdays <@ ARRAY[1,2,3,4,5,6,7]::smallint[] AND cardinality(weekdays) > 0",
            name=op.f("ck_waiting_list_entries_weekdays"),
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_waiting_list_entries_provider_id")),
        sa.ForeignKeyConstraint(["stop_id"], ["stops.id"], name=op.f("fk_waiting_list_entries_stop_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_waiting_list_entries_visit_id")),
        sa.ForeignKeyConstraint(["woman_id"], ["women.id"], name=op.f("fk_waiting_list_entries_woman_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_list_entries")),
    )
    op.create_index(op.f("ix_waiting_list_entries_provider_id"), "waiting_list_entries", ["provider_id"], unique=False)
    op.create_index(
        "ix_waiting_list_entries_queue",
        "waiting_list_entries",
        ["path", "queued_at"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(op.f("ix_waiting_list_entries_stop_id"), "waiting_list_entries", ["stop_id"], unique=False)
    op.create_index(op.f("ix_waiting_list_entries_visit_id"), "waiting_list_entries", ["visit_id"], unique=False)
    op.create_index(op.f("ix_waiting_list_entries_woman_id"), "waiting_list_entries", ["woman_id"], unique=False)
    op.create_index(
        "uq_waiting_list_entries_one_open_per_woman_and_programme",
        "waiting_list_entries",
        ["woman_id", "programme"],
        unique=True,
        postgresql_where=sa.text("status IN ('offered', 'waiting')"),
    )
    op.add_column("providers", sa.Column("short_name", sa.String(), nullable=True))
    op.add_column("providers", sa.Column("telephone", sa.String(), nullable=True))
    op.add_column("schedules", sa.Column("template_id", sa.BigInteger(), nullable=True))
    op.add_column("schedules", sa.Column("crew", sa.String(), nullable=True))
    op.add_column("schedules", sa.Column("overbooking_reason", sa.String(), nullable=True))
    op.create_index(op.f("ix_schedules_template_id"), "schedules", ["template_id"], unique=False)
    op.create_foreign_key(op.f("fk_schedules_template_id"), "schedules", "schedule_templates", ["template_id"], ["id"])
    op.add_column(
        "sites",
        sa.Column(
            "searchable",
            sa.String(),
            sa.Computed(
                "translate(lower(name || ' ' || locality || ' ' || coalesce(gmina, '')), 'ĄĆĘŁŃÓŚŹŻąćęłńóśźż', 'acelnoszzacelnoszz')",
                persisted=True,
            ),
            nullable=False,
        ),
    )
    op.create_index(
        "ix_sites_gmina",
        "sites",
        ["provider_id", sa.literal_column("translate(lower(gmina), 'ĄĆĘŁŃÓŚŹŻąćęłńóśźż', 'acelnoszzacelnoszz')")],
        unique=False,
    )
    op.add_column("slots", sa.Column("extra", sa.SmallInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column(
        "slots",
        sa.Column(
            "reserved_for",
            sa.Enum(
                "urgent", "central", "desk", "telephone", name="reserved_for", native_enum=False, create_constraint=True
            ),
            nullable=True,
        ),
    )
    op.add_column("slots", sa.Column("kept_for_waiting", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("slots", sa.Column("session_id", sa.BigInteger(), nullable=True))
    op.add_column("slots", sa.Column("fits", sa.Boolean(), nullable=False, server_default=sa.text("true")))
    op.create_index(
        "ix_slots_kept_for_waiting", "slots", ["starts_at"], unique=False, postgresql_where="kept_for_waiting"
    )
    op.create_index(
        "ix_slots_only_extra",
        "slots",
        [sa.literal_column("coalesce(reserved_for, '')"), "starts_at", "id"],
        unique=False,
        postgresql_where="status = 'open' AND taken >= capacity AND taken < capacity + extra AND fits AND NOT kept_for_waiting",
    )
    op.create_index("ix_slots_orphaned", "slots", ["starts_at"], unique=False, postgresql_where="status = 'orphaned'")
    op.create_index(op.f("ix_slots_session_id"), "slots", ["session_id"], unique=False)
    op.create_index(
        "ix_slots_several",
        "slots",
        [sa.literal_column("coalesce(reserved_for, '')"), "starts_at", "id"],
        unique=False,
        postgresql_where="status = 'open' AND taken < capacity AND fits AND NOT kept_for_waiting AND capacity - taken > 1 AND session_id IS NULL",
    )
    op.create_index(
        "ix_slots_with_room",
        "slots",
        ["schedule_id", sa.literal_column("coalesce(reserved_for, '')"), "starts_at"],
        unique=False,
        postgresql_where="status = 'open' AND taken < capacity + extra AND fits AND NOT kept_for_waiting",
    )
    op.create_foreign_key(op.f("fk_slots_session_id"), "slots", "mixed_sessions", ["session_id"], ["id"])
    op.add_column(
        "visits",
        sa.Column(
            "channel",
            sa.Enum("central", "desk", "telephone", name="channel", native_enum=False, create_constraint=True),
            nullable=False,
            server_default=sa.text("'desk'"),
        ),
    )
    op.add_column("visits", sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("visits", sa.Column("overbooked", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.create_index(
        "ix_visits_held_until", "visits", ["held_until"], unique=False, postgresql_where=sa.text("status = 'held'")
    )
    op.add_column("women", sa.Column("email", sa.LargeBinary(), nullable=True))
    op.add_column(
        "women",
        sa.Column(
            "language",
            sa.Enum("pl", "en", name="language", native_enum=False, create_constraint=True),
            nullable=False,
            server_default=sa.text("'pl'"),
        ),
    )
    op.add_column("women", sa.Column("email_consent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("women", sa.Column("sms_consent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("women", sa.Column("merged_into_id", sa.BigInteger(), nullable=True))
    op.add_column("women", sa.Column("merge_reason", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_women_merged_into_id"), "women", ["merged_into_id"], unique=False)
    op.create_foreign_key(op.f("fk_women_merged_into_id"), "women", "women", ["merged_into_id"], ["id"])
    op.alter_column("slots", "extra", server_default=None)
    op.alter_column("slots", "kept_for_waiting", server_default=None)
    op.alter_column("slots", "fits", server_default=None)
    op.alter_column("visits", "channel", server_default=None)
    op.alter_column("visits", "overbooked", server_default=None)
    op.alter_column("women", "language", server_default=None)
    _allow(STATUSES)
    op.drop_constraint(op.f("ck_slots_capacity"), "slots")
    for (table, name), condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.execute("UPDATE visits SET channel = 'central' WHERE source = 'ikp'")
    op.drop_index("ix_slots_bookable", table_name="slots")
    op.create_index(
        "ix_slots_bookable",
        "slots",
        [sa.text("coalesce(reserved_for, '')"), "starts_at", "id"],
        postgresql_where=sa.text(BOOKABLE),
    )


def downgrade() -> None:
    op.execute("UPDATE slots SET status = 'blocked' WHERE status = 'orphaned'")
    op.execute("UPDATE slots SET capacity = taken WHERE taken > capacity")
    op.drop_index("ix_slots_bookable", table_name="slots")
    for table, name in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.drop_constraint(op.f("fk_women_merged_into_id"), "women", type_="foreignkey")
    op.drop_index(op.f("ix_women_merged_into_id"), table_name="women")
    op.drop_column("women", "merge_reason")
    op.drop_column("women", "merged_into_id")
    op.drop_column("women", "sms_consent_at")
    op.drop_column("women", "email_consent_at")
    op.drop_column("women", "language")
    op.drop_column("women", "email")
    op.drop_index("ix_visits_held_until", table_name="visits", postgresql_where=sa.text("status = 'held'"))
    op.drop_column("visits", "overbooked")
    op.drop_column("visits", "held_until")
    op.drop_column("visits", "channel")
    op.drop_constraint(op.f("fk_slots_session_id"), "slots", type_="foreignkey")
    op.drop_index(
        "ix_slots_with_room",
        table_name="slots",
        postgresql_where="status = 'open' AND taken < capacity + extra AND fits AND NOT kept_for_waiting",
    )
    op.drop_index(
        "ix_slots_several",
        table_name="slots",
        postgresql_where="status = 'open' AND taken < capacity AND fits AND NOT kept_for_waiting AND capacity - taken > 1 AND session_id IS NULL",
    )
    op.drop_index(op.f("ix_slots_session_id"), table_name="slots")
    op.drop_index("ix_slots_orphaned", table_name="slots", postgresql_where="status = 'orphaned'")
    op.drop_index(
        "ix_slots_only_extra",
        table_name="slots",
        postgresql_where="status = 'open' AND taken >= capacity AND taken < capacity + extra AND fits AND NOT kept_for_waiting",
    )
    op.drop_index("ix_slots_kept_for_waiting", table_name="slots", postgresql_where="kept_for_waiting")
    op.drop_column("slots", "fits")
    op.drop_column("slots", "session_id")
    op.drop_column("slots", "kept_for_waiting")
    op.drop_column("slots", "reserved_for")
    op.drop_column("slots", "extra")
    op.drop_index("ix_sites_gmina", table_name="sites")
    op.drop_column("sites", "searchable")
    op.drop_constraint(op.f("fk_schedules_template_id"), "schedules", type_="foreignkey")
    op.drop_index(op.f("ix_schedules_template_id"), table_name="schedules")
    op.drop_column("schedules", "overbooking_reason")
    op.drop_column("schedules", "crew")
    op.drop_column("schedules", "template_id")
    op.drop_column("providers", "telephone")
    op.drop_column("providers", "short_name")
    op.drop_index(
        "uq_waiting_list_entries_one_open_per_woman_and_programme",
        table_name="waiting_list_entries",
        postgresql_where=sa.text("status IN ('offered', 'waiting')"),
    )
    op.drop_index(op.f("ix_waiting_list_entries_woman_id"), table_name="waiting_list_entries")
    op.drop_index(op.f("ix_waiting_list_entries_visit_id"), table_name="waiting_list_entries")
    op.drop_index(op.f("ix_waiting_list_entries_stop_id"), table_name="waiting_list_entries")
    op.drop_index(
        "ix_waiting_list_entries_queue",
        table_name="waiting_list_entries",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.drop_index(op.f("ix_waiting_list_entries_provider_id"), table_name="waiting_list_entries")
    op.drop_table("waiting_list_entries")
    op.drop_index(op.f("ix_messages_to_women_woman_id"), table_name="messages_to_women")
    op.drop_index(
        "ix_messages_to_women_to_call",
        table_name="messages_to_women",
        postgresql_where=sa.text("state = 'to_call' AND call_result IS DISTINCT FROM 'told'"),
    )
    op.drop_index(op.f("ix_messages_to_women_provider_id"), table_name="messages_to_women")
    op.drop_index(
        "ix_messages_to_women_due",
        table_name="messages_to_women",
        postgresql_where=sa.text("state IN ('waiting', 'claimed', 'uncertain')"),
    )
    op.drop_index(op.f("ix_messages_to_women_called_by_id"), table_name="messages_to_women")
    op.drop_table("messages_to_women")
    op.drop_index(op.f("ix_bulk_move_rows_visit_id"), table_name="bulk_move_rows")
    op.drop_index(op.f("ix_bulk_move_rows_to_slot_id"), table_name="bulk_move_rows")
    op.drop_table("bulk_move_rows")
    op.drop_index("uq_mixed_sessions_stop_id_starts_at", table_name="mixed_sessions")
    op.drop_index("uq_mixed_sessions_service_place_id_starts_at", table_name="mixed_sessions")
    op.drop_index(op.f("ix_mixed_sessions_template_id"), table_name="mixed_sessions")
    op.drop_index(op.f("ix_mixed_sessions_provider_id"), table_name="mixed_sessions")
    op.drop_table("mixed_sessions")
    op.drop_index(op.f("ix_dated_exceptions_service_place_id"), table_name="dated_exceptions")
    op.drop_index(op.f("ix_dated_exceptions_provider_id"), table_name="dated_exceptions")
    op.drop_table("dated_exceptions")
    op.drop_index(op.f("ix_bulk_moves_provider_id"), table_name="bulk_moves")
    op.drop_index(op.f("ix_bulk_moves_author_id"), table_name="bulk_moves")
    op.drop_table("bulk_moves")
    op.drop_index(op.f("ix_schedule_templates_provider_id"), table_name="schedule_templates")
    op.drop_table("schedule_templates")
    op.drop_table("halted_ways")
    op.create_index(
        "ix_slots_bookable", "slots", ["starts_at"], postgresql_where=sa.text("status = 'open' AND taken < capacity")
    )
    op.create_check_constraint(op.f("ck_slots_capacity"), "slots", "taken BETWEEN 0 AND capacity")
    _allow([status for status in STATUSES if status != "orphaned"])
