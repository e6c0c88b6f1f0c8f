"""The planner: what it has to know of units and sites, versions of itineraries, its settings and its jobs.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OLD_WORDS = {
    "itineraries": ("status", ["draft", "published", "discarded"]),
    "stop_days": ("itinerary_status", ["draft", "published", "discarded"]),
}
NEW_WORDS = {
    table: (column, ["draft", "approved", "published", "superseded", "discarded"])
    for table, (column, _) in OLD_WORDS.items()
}
"""What columns of before may hold from now on."""

CHECKS = {
    ("mobile_units", "max_relocation_km"): "max_relocation_km > 0",
    ("sites", "days_min"): "days_min BETWEEN 1 AND days_max",
    ("sites", "window"): "earliest <= latest",
    ("sites", "weekdays"): "weekdays <@ ARRAY[1,2,3,4,5,6,7]::smallint[] AND cardinality(weekdays) > 0",
    ("sites", "priority"): "priority > 0 AND priority <= 100",
    ("sites", "uptake"): "uptake BETWEEN 0 AND 1",
    ("sites", "visits_max"): "visits_max BETWEEN 1 AND 12",
    ("sites", "gap_days"): "gap_days BETWEEN 0 AND 366",
    ("sites", "location_confidence"): "location_confidence BETWEEN 0 AND 1",
    ("itineraries", "revises"): "(revises_id IS NULL) = (revises_version IS NULL)",
}

UNIT_IN_ONE_PLACE = {
    "ex_stop_days_unit_in_one_place_of_itinerary": "USING gist (int8range(itinerary_id, itinerary_id, '[]') WITH &&,"
    " int8range(unit_id, unit_id, '[]') WITH &&, tstzrange(opens_at, closes_at) WITH &&)",
    "ex_stop_days_unit_in_one_place": "USING gist (int8range(unit_id, unit_id, '[]') WITH &&,"
    " tstzrange(opens_at, closes_at) WITH &&) WHERE (itinerary_status = 'published')",
}
"""Constraints of stop_days that can be deferred from now on."""


def _allow(table: str, column: str, words: list[str]) -> None:
    name = f"ck_{table}_{column}"
    allowed = ", ".join(f"'{word}'" for word in words)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({allowed}))")


def _keep_units_in_one_place(when: str) -> None:
    for name, condition in UNIT_IN_ONE_PLACE.items():
        op.execute(f"ALTER TABLE stop_days DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE stop_days ADD CONSTRAINT {name} EXCLUDE {condition} {when}")


def upgrade() -> None:
    op.create_table(
        "geocoded_addresses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("geocoder", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("found", sa.String(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_geocoded_addresses_coordinates")),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_geocoded_addresses_confidence")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_geocoded_addresses")),
        sa.UniqueConstraint("geocoder", "query", name=op.f("uq_geocoded_addresses_geocoder_query")),
    )
    op.create_table(
        "planning_settings",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("km_per_woman", sa.Double(), nullable=False),
        sa.Column("crew_km_share", sa.Double(), nullable=False),
        sa.Column("women_per_uneven_day", sa.Double(), nullable=False),
        sa.Column("overdue_weight", sa.Double(), nullable=False),
        sa.Column("underscreened_weight", sa.Double(), nullable=False),
        sa.Column("road_factor", sa.Double(), nullable=False),
        sa.Column("speed_kmh", sa.Double(), nullable=False),
        sa.Column("drive_hours", sa.Double(), nullable=False),
        sa.Column("crew_commute_km", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("crew_commute_km >= 0", name=op.f("ck_planning_settings_crew_commute_km")),
        sa.CheckConstraint("crew_km_share >= 0 AND women_per_uneven_day >= 0", name=op.f("ck_planning_settings_terms")),
        sa.CheckConstraint("km_per_woman > 0", name=op.f("ck_planning_settings_km_per_woman")),
        sa.CheckConstraint(
            "overdue_weight >= 0 AND underscreened_weight >= 0", name=op.f("ck_planning_settings_weights")
        ),
        sa.CheckConstraint("road_factor BETWEEN 1 AND 3", name=op.f("ck_planning_settings_road_factor")),
        sa.CheckConstraint(
            "speed_kmh BETWEEN 10 AND 120 AND drive_hours BETWEEN 0.5 AND 24", name=op.f("ck_planning_settings_driving")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_planning_settings_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_planning_settings")),
    )
    op.create_table(
        "planning_jobs",
        sa.Column(
            "kind", sa.Enum("plan", "what_if", name="kind", native_enum=False, create_constraint=True), nullable=False
        ),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "running",
                "done",
                "failed",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("progress", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("failure", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("itinerary_id", sa.BigInteger(), nullable=True),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(state = 'done') = (result IS NOT NULL)", name=op.f("ck_planning_jobs_done_has_result")),
        sa.CheckConstraint(
            "(state = 'failed') = (failure IS NOT NULL)", name=op.f("ck_planning_jobs_failed_has_failure")
        ),
        sa.CheckConstraint(
            "(state = 'running') = (leased_until IS NOT NULL)", name=op.f("ck_planning_jobs_running_is_leased")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_planning_jobs_author_id")),
        sa.ForeignKeyConstraint(["itinerary_id"], ["itineraries.id"], name=op.f("fk_planning_jobs_itinerary_id")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_planning_jobs_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planning_jobs")),
    )
    op.create_index(op.f("ix_planning_jobs_author_id"), "planning_jobs", ["author_id"], unique=False)
    op.create_index(op.f("ix_planning_jobs_itinerary_id"), "planning_jobs", ["itinerary_id"], unique=False)
    op.create_index(
        "ix_planning_jobs_open",
        "planning_jobs",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index(op.f("ix_planning_jobs_provider_id"), "planning_jobs", ["provider_id"], unique=False)
    op.create_table(
        "site_blackouts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_site_blackouts_days")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_site_blackouts_site_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_blackouts")),
    )
    op.create_index(op.f("ix_site_blackouts_site_id"), "site_blackouts", ["site_id"], unique=False)
    op.create_table(
        "unit_capacities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "programme",
            sa.Enum("breast", "cervical", name="programme", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("women_per_day", sa.SmallInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("crew", sa.String(), nullable=True),
        sa.CheckConstraint("(first_day IS NULL) = (last_day IS NULL)", name=op.f("ck_unit_capacities_both_days")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_unit_capacities_days")),
        sa.CheckConstraint(
            "site_id IS NOT NULL OR first_day IS NOT NULL", name=op.f("ck_unit_capacities_what_it_is_about")
        ),
        sa.CheckConstraint("women_per_day BETWEEN 0 AND 1000", name=op.f("ck_unit_capacities_women_per_day")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_unit_capacities_site_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["mobile_units.id"], name=op.f("fk_unit_capacities_unit_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_capacities")),
    )
    op.create_index(op.f("ix_unit_capacities_site_id"), "unit_capacities", ["site_id"], unique=False)
    op.create_index(op.f("ix_unit_capacities_unit_id"), "unit_capacities", ["unit_id"], unique=False)
    op.create_table(
        "unit_sites",
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_unit_sites_site_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["mobile_units.id"], name=op.f("fk_unit_sites_unit_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("unit_id", "site_id", name=op.f("pk_unit_sites")),
    )
    op.create_index(op.f("ix_unit_sites_site_id"), "unit_sites", ["site_id"], unique=False)
    op.create_table(
        "unit_unavailabilities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_unit_unavailabilities_days")),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["mobile_units.id"], name=op.f("fk_unit_unavailabilities_unit_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_unavailabilities")),
    )
    op.create_index(op.f("ix_unit_unavailabilities_unit_id"), "unit_unavailabilities", ["unit_id"], unique=False)
    op.add_column("itineraries", sa.Column("revises_id", sa.BigInteger(), nullable=True))
    op.add_column("itineraries", sa.Column("revises_version", sa.Integer(), nullable=True))
    op.add_column("itineraries", sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_itineraries_revises_id"), "itineraries", ["revises_id"], unique=False)
    op.create_foreign_key(op.f("fk_itineraries_revises_id"), "itineraries", "itineraries", ["revises_id"], ["id"])
    op.add_column(
        "mobile_units",
        sa.Column(
            "home_rule",
            sa.Enum(
                "stays_out",
                "home_on_weekends",
                "home_daily",
                name="home_rule",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
            server_default=sa.text("'stays_out'"),
        ),
    )
    op.add_column("mobile_units", sa.Column("max_relocation_km", sa.Double(), nullable=True))
    op.add_column(
        "mobile_units", sa.Column("voivodeships", sa.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'"))
    )
    op.add_column(
        "mobile_units", sa.Column("needs", sa.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'"))
    )
    op.add_column("sites", sa.Column("location_confidence", sa.Double(), nullable=True))
    op.add_column("sites", sa.Column("days_min", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("sites", sa.Column("earliest", sa.Date(), nullable=True))
    op.add_column("sites", sa.Column("latest", sa.Date(), nullable=True))
    op.add_column(
        "sites",
        sa.Column("weekdays", sa.ARRAY(sa.SmallInteger()), nullable=False, server_default=sa.text("'{1,2,3,4,5,6,7}'")),
    )
    op.add_column("sites", sa.Column("alternative_group", sa.String(), nullable=True))
    op.add_column("sites", sa.Column("priority", sa.Double(), nullable=False, server_default=sa.text("1")))
    op.add_column("sites", sa.Column("uptake", sa.Double(), nullable=True))
    op.add_column("sites", sa.Column("last_visit", sa.Date(), nullable=True))
    op.add_column("sites", sa.Column("visits_max", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("sites", sa.Column("gap_days", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("sites", sa.Column("lacks", sa.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")))
    op.add_column("stops", sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("stops", sa.Column("origin_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_stops_origin_id"), "stops", ["origin_id"], unique=False)
    op.create_foreign_key(op.f("fk_stops_origin_id"), "stops", "stops", ["origin_id"], ["id"], ondelete="SET NULL")
    op.alter_column("mobile_units", "home_rule", server_default=None)
    op.alter_column("mobile_units", "voivodeships", server_default=None)
    op.alter_column("mobile_units", "needs", server_default=None)
    op.alter_column("sites", "days_min", server_default=None)
    op.alter_column("sites", "weekdays", server_default=None)
    op.alter_column("sites", "priority", server_default=None)
    op.alter_column("sites", "visits_max", server_default=None)
    op.alter_column("sites", "gap_days", server_default=None)
    op.alter_column("sites", "lacks", server_default=None)
    op.alter_column("stops", "pinned", server_default=None)
    for table, (column, words) in NEW_WORDS.items():
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar(10)")
        _allow(table, column, words)
    for (table, name), condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    _keep_units_in_one_place("DEFERRABLE INITIALLY IMMEDIATE")


def downgrade() -> None:
    for table, name in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.drop_constraint(op.f("fk_stops_origin_id"), "stops", type_="foreignkey")
    op.drop_index(op.f("ix_stops_origin_id"), table_name="stops")
    op.drop_column("stops", "origin_id")
    op.drop_column("stops", "pinned")
    op.drop_column("sites", "lacks")
    op.drop_column("sites", "gap_days")
    op.drop_column("sites", "visits_max")
    op.drop_column("sites", "last_visit")
    op.drop_column("sites", "uptake")
    op.drop_column("sites", "priority")
    op.drop_column("sites", "alternative_group")
    op.drop_column("sites", "weekdays")
    op.drop_column("sites", "latest")
    op.drop_column("sites", "earliest")
    op.drop_column("sites", "days_min")
    op.drop_column("sites", "location_confidence")
    op.drop_column("mobile_units", "needs")
    op.drop_column("mobile_units", "voivodeships")
    op.drop_column("mobile_units", "max_relocation_km")
    op.drop_column("mobile_units", "home_rule")
    op.drop_constraint(op.f("fk_itineraries_revises_id"), "itineraries", type_="foreignkey")
    op.drop_index(op.f("ix_itineraries_revises_id"), table_name="itineraries")
    op.drop_column("itineraries", "approved_at")
    op.drop_column("itineraries", "revises_version")
    op.drop_column("itineraries", "revises_id")
    op.drop_index(op.f("ix_unit_unavailabilities_unit_id"), table_name="unit_unavailabilities")
    op.drop_table("unit_unavailabilities")
    op.drop_index(op.f("ix_unit_sites_site_id"), table_name="unit_sites")
    op.drop_table("unit_sites")
    op.drop_index(op.f("ix_unit_capacities_unit_id"), table_name="unit_capacities")
    op.drop_index(op.f("ix_unit_capacities_site_id"), table_name="unit_capacities")
    op.drop_table("unit_capacities")
    op.drop_index(op.f("ix_site_blackouts_site_id"), table_name="site_blackouts")
    op.drop_table("site_blackouts")
    op.drop_index(op.f("ix_planning_jobs_provider_id"), table_name="planning_jobs")
    op.drop_index(
        "ix_planning_jobs_open", table_name="planning_jobs", postgresql_where=sa.text("state IN ('queued', 'running')")
    )
    op.drop_index(op.f("ix_planning_jobs_itinerary_id"), table_name="planning_jobs")
    op.drop_index(op.f("ix_planning_jobs_author_id"), table_name="planning_jobs")
    op.drop_table("planning_jobs")
    op.drop_table("planning_settings")
    op.drop_table("geocoded_addresses")
    for table, (column, words) in OLD_WORDS.items():
        _allow(table, column, words)
    _keep_units_in_one_place("")
