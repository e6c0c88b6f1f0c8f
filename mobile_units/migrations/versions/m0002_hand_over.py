"""The hand-over as a payment system has it: links, what came from the centre, reconciliation, initial loads.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OLD_WORDS = {
    ("outbox_messages", "kind"): [
        "save_service_place",
        "import_mobile_points",
        "save_schedule",
        "save_slots",
        "activate_service_place",
        "save_visit",
        "cancel_visit",
    ],
    ("outbox_messages", "state"): ["pending", "in_progress", "accepted", "rejected"],
    ("slots", "status"): ["open", "blocked"],
}
NEW_WORDS = {
    ("outbox_messages", "kind"): [
        "save_service_place",
        "import_mobile_points",
        "save_schedule",
        "withdraw_slots",
        "save_slots",
        "activate_service_place",
        "save_visit",
        "cancel_visit",
        "load_visits",
    ],
    ("outbox_messages", "state"): ["pending", "in_progress", "accepted", "rejected", "given_up"],
    ("slots", "status"): ["open", "blocked", "withdrawn"],
}
"""What columns of before may hold from now on."""


def _allow(table: str, column: str, words: list[str]) -> None:
    name = f"ck_{table}_{column}"
    allowed = ", ".join(f"'{word}'" for word in words)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({allowed}))")


def upgrade() -> None:
    op.create_table(
        "inbound_cursors",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_inbound_cursors_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_inbound_cursors")),
    )
    op.create_table(
        "reconciliations",
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("running", "done", "failed", name="state", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("visits_here", sa.Integer(), nullable=True),
        sa.Column("visits_there", sa.Integer(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(state = 'running') = (leased_until IS NOT NULL)", name=op.f("ck_reconciliations_lease")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_reconciliations_days")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_reconciliations_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
    )
    op.create_index(op.f("ix_reconciliations_provider_id"), "reconciliations", ["provider_id"], unique=False)
    op.create_index(
        "uq_reconciliations_one_running",
        "reconciliations",
        ["provider_id"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "transmission_links",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("halted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("halted_code", sa.String(), nullable=True),
        sa.Column("halted_reason", sa.String(), nullable=True),
        sa.Column("next_call_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(halted_at IS NULL) = (halted_reason IS NULL)", name=op.f("ck_transmission_links_halt_has_a_reason")
        ),
        sa.CheckConstraint(
            "(opened_at IS NULL) = (probe_at IS NULL)", name=op.f("ck_transmission_links_open_link_is_probed")
        ),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_transmission_links_failures")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_transmission_links_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_transmission_links")),
    )
    op.create_table(
        "initial_loads",
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("loaded_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["loaded_by"], ["users.id"], name=op.f("fk_initial_loads_loaded_by")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_initial_loads_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_initial_loads")),
        sa.UniqueConstraint("provider_id", "digest", name=op.f("uq_initial_loads_provider_id_digest")),
    )
    op.create_index(op.f("ix_initial_loads_loaded_by"), "initial_loads", ["loaded_by"], unique=False)
    op.create_index(op.f("ix_initial_loads_provider_id"), "initial_loads", ["provider_id"], unique=False)
    op.create_table(
        "initial_load_chunks",
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["load_id"], ["initial_loads.id"], name=op.f("fk_initial_load_chunks_load_id")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_initial_load_chunks_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_initial_load_chunks")),
        sa.UniqueConstraint("load_id", "number", name=op.f("uq_initial_load_chunks_load_id_number")),
    )
    op.create_index(op.f("ix_initial_load_chunks_provider_id"), "initial_load_chunks", ["provider_id"], unique=False)
    op.create_table(
        "inbound_changes",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("cer_root", sa.String(), nullable=False),
        sa.Column("cer_extension", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "changed_by",
            sa.Enum("woman", "provider", "system", name="changed_by", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "applied",
                "echo",
                "conflict",
                "dismissed",
                "superseded",
                name="state",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("visit_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state <> 'conflict' OR code IS NOT NULL", name=op.f("ck_inbound_changes_conflict_has_a_code")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_inbound_changes_decided_by")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_inbound_changes_provider_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_inbound_changes_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_changes")),
    )
    op.create_index(op.f("ix_inbound_changes_decided_by"), "inbound_changes", ["decided_by"], unique=False)
    op.create_index(
        "ix_inbound_changes_open",
        "inbound_changes",
        ["provider_id", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('received', 'conflict')"),
    )
    op.create_index(op.f("ix_inbound_changes_provider_id"), "inbound_changes", ["provider_id"], unique=False)
    op.create_index(
        "ix_inbound_changes_visit", "inbound_changes", ["provider_id", "cer_root", "cer_extension"], unique=False
    )
    op.create_index(op.f("ix_inbound_changes_visit_id"), "inbound_changes", ["visit_id"], unique=False)
    op.create_index("uq_inbound_changes_digest", "inbound_changes", ["provider_id", "digest"], unique=True)
    op.create_table(
        "initial_load_rows",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("chunk_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("waiting", "accepted", "refused", name="state", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("rule", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["chunk_id"], ["initial_load_chunks.id"], name=op.f("fk_initial_load_rows_chunk_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_initial_load_rows_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_initial_load_rows")),
        sa.UniqueConstraint("visit_id", name=op.f("uq_initial_load_rows_visit_id")),
    )
    op.create_index(op.f("ix_initial_load_rows_chunk_id"), "initial_load_rows", ["chunk_id"], unique=False)
    op.create_table(
        "reconciliation_differences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reconciliation_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "missing_there",
                "unknown_here",
                "differs",
                "cancelled_there",
                name="kind",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("fields", sa.String(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=True),
        sa.Column("cer_root", sa.String(), nullable=False),
        sa.Column("cer_extension", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "open", "sent_again", "taken_over", "dismissed", name="state", native_enum=False, create_constraint=True
            ),
            nullable=False,
        ),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_reconciliation_differences_decided_by")),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"],
            ["reconciliations.id"],
            name=op.f("fk_reconciliation_differences_reconciliation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_reconciliation_differences_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_differences")),
    )
    op.create_index(
        op.f("ix_reconciliation_differences_decided_by"), "reconciliation_differences", ["decided_by"], unique=False
    )
    op.create_index(
        "ix_reconciliation_differences_open",
        "reconciliation_differences",
        ["reconciliation_id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        op.f("ix_reconciliation_differences_reconciliation_id"),
        "reconciliation_differences",
        ["reconciliation_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_reconciliation_differences_visit_id"), "reconciliation_differences", ["visit_id"], unique=False
    )
    op.add_column("mobile_points", sa.Column("told_digest", sa.String(), nullable=True))
    op.add_column("outbox_messages", sa.Column("decided_by", sa.BigInteger(), nullable=True))
    op.add_column("outbox_messages", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox_messages", sa.Column("note", sa.LargeBinary(), nullable=True))
    op.create_foreign_key(op.f("fk_outbox_messages_decided_by"), "outbox_messages", "users", ["decided_by"], ["id"])
    op.add_column("schedules", sa.Column("told_digest", sa.String(), nullable=True))
    op.add_column("service_places", sa.Column("told_digest", sa.String(), nullable=True))
    op.add_column("slots", sa.Column("told_places", sa.SmallInteger(), nullable=True))
    op.add_column("transmission_attempts", sa.Column("certificate", sa.String(), nullable=True))
    op.add_column("transmission_attempts", sa.Column("sent", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_transmission_attempts_started_at"), "transmission_attempts", ["started_at"], unique=False)
    op.add_column(
        "visits",
        sa.Column(
            "source",
            sa.Enum("provider", "ikp", "initial_load", name="source", native_enum=False, create_constraint=True),
            nullable=False,
            server_default="provider",
        ),
    )
    op.add_column("visits", sa.Column("cer_root", sa.String(), nullable=True))
    op.add_column("visits", sa.Column("cer_extension", sa.String(), nullable=True))
    op.create_index("uq_visits_central_identifier", "visits", ["provider_id", "cer_root", "cer_extension"], unique=True)
    op.alter_column("visits", "source", server_default=None)
    op.create_check_constraint(
        op.f("ck_visits_central_identifier"), "visits", "(cer_root IS NULL) = (cer_extension IS NULL)"
    )
    op.execute("ALTER TABLE slots ALTER COLUMN status TYPE varchar(9)")
    for (table, column), words in NEW_WORDS.items():
        _allow(table, column, words)
    op.create_check_constraint(op.f("ck_slots_withdrawn_is_empty"), "slots", "taken = 0 OR status <> 'withdrawn'")


def downgrade() -> None:
    op.drop_index("uq_visits_central_identifier", table_name="visits")
    op.drop_constraint("ck_visits_central_identifier", "visits")
    op.drop_column("visits", "cer_extension")
    op.drop_column("visits", "cer_root")
    op.drop_column("visits", "source")
    op.drop_index(op.f("ix_transmission_attempts_started_at"), table_name="transmission_attempts")
    op.drop_column("transmission_attempts", "sent")
    op.drop_column("transmission_attempts", "certificate")
    op.drop_column("slots", "told_places")
    op.drop_column("service_places", "told_digest")
    op.drop_column("schedules", "told_digest")
    op.drop_constraint(op.f("fk_outbox_messages_decided_by"), "outbox_messages", type_="foreignkey")
    op.drop_column("outbox_messages", "note")
    op.drop_column("outbox_messages", "decided_at")
    op.drop_column("outbox_messages", "decided_by")
    op.drop_column("mobile_points", "told_digest")
    op.drop_index(op.f("ix_reconciliation_differences_visit_id"), table_name="reconciliation_differences")
    op.drop_index(op.f("ix_reconciliation_differences_reconciliation_id"), table_name="reconciliation_differences")
    op.drop_index(
        "ix_reconciliation_differences_open",
        table_name="reconciliation_differences",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index(op.f("ix_reconciliation_differences_decided_by"), table_name="reconciliation_differences")
    op.drop_table("reconciliation_differences")
    op.drop_index(op.f("ix_initial_load_rows_chunk_id"), table_name="initial_load_rows")
    op.drop_table("initial_load_rows")
    op.drop_index("uq_inbound_changes_digest", table_name="inbound_changes")
    op.drop_index(op.f("ix_inbound_changes_visit_id"), table_name="inbound_changes")
    op.drop_index("ix_inbound_changes_visit", table_name="inbound_changes")
    op.drop_index(op.f("ix_inbound_changes_provider_id"), table_name="inbound_changes")
    op.drop_index(
        "ix_inbound_changes_open",
        table_name="inbound_changes",
        postgresql_where=sa.text("state IN ('received', 'conflict')"),
    )
    op.drop_index(op.f("ix_inbound_changes_decided_by"), table_name="inbound_changes")
    op.drop_table("inbound_changes")
    op.drop_index(op.f("ix_initial_load_chunks_provider_id"), table_name="initial_load_chunks")
    op.drop_table("initial_load_chunks")
    op.drop_index(op.f("ix_initial_loads_provider_id"), table_name="initial_loads")
    op.drop_index(op.f("ix_initial_loads_loaded_by"), table_name="initial_loads")
    op.drop_table("initial_loads")
    op.drop_table("transmission_links")
    op.drop_index(
        "uq_reconciliations_one_running", table_name="reconciliations", postgresql_where=sa.text("state = 'running'")
    )
    op.drop_index(op.f("ix_reconciliations_provider_id"), table_name="reconciliations")
    op.drop_table("reconciliations")
    op.drop_table("inbound_cursors")
    op.drop_constraint("ck_slots_withdrawn_is_empty", "slots")
    for (table, column), words in OLD_WORDS.items():
        _allow(table, column, words)
