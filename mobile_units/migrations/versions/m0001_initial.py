"""The first data model.

Revision: 0001, after nothing
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("visit_changes", "transmission_attempts", "audit_entries")
FORBID_CHANGE = """
CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "eligibility_exclusions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column(
            "programme",
            sa.Enum("breast", "cervical", name="programme", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("name_pl", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("legal_source", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_eligibility_exclusions_valid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eligibility_exclusions")),
        sa.UniqueConstraint(
            "code", "programme", "valid_from", name=op.f("uq_eligibility_exclusions_code_programme_valid_from")
        ),
    )
    op.create_table(
        "eligibility_rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
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
        sa.Column("age_from", sa.SmallInteger(), nullable=False),
        sa.Column("age_to", sa.SmallInteger(), nullable=False),
        sa.Column(
            "after_path",
            sa.Enum(
                "mammography",
                "classic_cytology",
                "hpv_lbc",
                name="after_path",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=True,
        ),
        sa.Column("interval_months", sa.SmallInteger(), nullable=False),
        sa.Column("risk_group", sa.String(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("legal_source", sa.String(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("age_from <= age_to", name=op.f("ck_eligibility_rules_age")),
        sa.CheckConstraint("interval_months >= 0", name=op.f("ck_eligibility_rules_interval_months")),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_eligibility_rules_valid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eligibility_rules")),
    )
    op.create_index(
        "uq_eligibility_rules_case",
        "eligibility_rules",
        ["path", "after_path", "risk_group", "valid_from"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "providers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("rpwdl_book", sa.String(), nullable=False),
        sa.Column("regon", sa.String(), nullable=False),
        sa.Column("nip", sa.String(), nullable=True),
        sa.Column("nfz_branch", sa.String(), nullable=False),
        sa.Column("oid_root", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("nfz_branch ~ '^(0[1-9]|1[0-6])$'", name=op.f("ck_providers_nfz_branch")),
        sa.CheckConstraint("nip ~ '^[0-9]{10}$'", name=op.f("ck_providers_nip")),
        sa.CheckConstraint("oid_root ~ '^[0-9]+([.][0-9]+)+$'", name=op.f("ck_providers_oid_root")),
        sa.CheckConstraint("regon ~ '^([0-9]{9}|[0-9]{14})$'", name=op.f("ck_providers_regon")),
        sa.CheckConstraint("rpwdl_book ~ '^[0-9]{12}$'", name=op.f("ck_providers_rpwdl_book")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
        sa.UniqueConstraint("rpwdl_book", name=op.f("uq_providers_rpwdl_book")),
    )
    op.create_table(
        "contracts",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("nfz_branch", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("nfz_branch ~ '^(0[1-9]|1[0-6])$'", name=op.f("ck_contracts_nfz_branch")),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_contracts_valid")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_contracts_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contracts")),
        sa.UniqueConstraint(
            "provider_id", "nfz_branch", "number", name=op.f("uq_contracts_provider_id_nfz_branch_number")
        ),
    )
    op.create_index(op.f("ix_contracts_provider_id"), "contracts", ["provider_id"], unique=False)
    op.create_table(
        "itineraries",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("draft", "published", "discarded", name="status", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("planning", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_itineraries_days")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_itineraries_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_itineraries")),
        sa.UniqueConstraint("id", "status", name=op.f("uq_itineraries_id_status")),
    )
    op.create_index(op.f("ix_itineraries_provider_id"), "itineraries", ["provider_id"], unique=False)
    op.create_table(
        "mobile_units",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("base_latitude", sa.Double(), nullable=False),
        sa.Column("base_longitude", sa.Double(), nullable=False),
        sa.Column("weekdays", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("setup_minutes", sa.SmallInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "base_latitude BETWEEN -90 AND 90 AND base_longitude BETWEEN -180 AND 180",
            name=op.f("ck_mobile_units_base"),
        ),
        sa.CheckConstraint("opens < closes", name=op.f("ck_mobile_units_opens_before_it_closes")),
        sa.CheckConstraint("setup_minutes BETWEEN 0 AND 480", name=op.f("ck_mobile_units_setup_minutes")),
        sa.CheckConstraint(
            "weekdays <@ ARRAY[1,2,3,4,5,6,7]::smallint[] AND cardinality(weekdays) > 0",
            name=op.f("ck_mobile_units_weekdays"),
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_mobile_units_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mobile_units")),
        sa.UniqueConstraint("provider_id", "code", name=op.f("uq_mobile_units_provider_id_code")),
    )
    op.create_index(op.f("ix_mobile_units_provider_id"), "mobile_units", ["provider_id"], unique=False)
    op.create_table(
        "outbox_messages",
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "save_service_place",
                "import_mobile_points",
                "save_schedule",
                "save_slots",
                "activate_service_place",
                "save_visit",
                "cancel_visit",
                name="kind",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("service_day", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "in_progress",
                "accepted",
                "rejected",
                name="state",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(state = 'in_progress') = (leased_until IS NOT NULL)", name=op.f("ck_outbox_messages_lease")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_outbox_messages_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_messages")),
        sa.UniqueConstraint("uuid", name=op.f("uq_outbox_messages_uuid")),
    )
    op.create_index(
        "ix_outbox_messages_due",
        "outbox_messages",
        ["service_day", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending', 'in_progress')"),
    )
    op.create_index(op.f("ix_outbox_messages_provider_id"), "outbox_messages", ["provider_id"], unique=False)
    op.create_index("ix_outbox_messages_subject", "outbox_messages", ["subject_id", "kind"], unique=False)
    op.create_index(
        "uq_outbox_messages_pending_subject",
        "outbox_messages",
        ["kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending' AND attempts = 0"),
    )
    op.create_table(
        "product_codes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name_pl", sa.String(), nullable=False),
        sa.Column(
            "programme",
            sa.Enum("breast", "cervical", name="programme", native_enum=False, create_constraint=True),
            nullable=True,
        ),
        sa.Column(
            "path",
            sa.Enum(
                "mammography", "classic_cytology", "hpv_lbc", name="path", native_enum=False, create_constraint=True
            ),
            nullable=True,
        ),
        sa.Column(
            "setting", sa.Enum("POZ", "AOS", name="setting", native_enum=False, create_constraint=True), nullable=True
        ),
        sa.Column(
            "mobility",
            sa.Enum("stationary", "mobile", name="mobility", native_enum=False, create_constraint=True),
            nullable=True,
        ),
        sa.Column("associated_with", sa.String(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("code ~ '^[0-9]{2}[.][0-9]{4}[.][0-9]{3}[.][0-9]{2}$'", name=op.f("ck_product_codes_code")),
        sa.CheckConstraint("(path IS NULL) = (programme IS NULL)", name=op.f("ck_product_codes_path_and_programme")),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_product_codes_valid")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_product_codes_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_codes")),
    )
    op.create_index(op.f("ix_product_codes_provider_id"), "product_codes", ["provider_id"], unique=False)
    op.create_index(
        "uq_product_codes_code",
        "product_codes",
        ["provider_id", "code", "valid_from"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "service_places",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cell_code", sa.String(), nullable=False),
        sa.Column("specialty_code", sa.String(), nullable=False),
        sa.Column(
            "mobility",
            sa.Enum("stationary", "mobile", name="mobility", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column(
            "setting", sa.Enum("POZ", "AOS", name="setting", native_enum=False, create_constraint=True), nullable=True
        ),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("draft", "registered", "active", name="status", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("cell_code ~ '^[0-9]{3}$'", name=op.f("ck_service_places_cell_code")),
        sa.CheckConstraint("specialty_code ~ '^[0-9]{4}$'", name=op.f("ck_service_places_specialty_code")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_service_places_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_places")),
        sa.UniqueConstraint("id", "mobility", name=op.f("uq_service_places_id_mobility")),
        sa.UniqueConstraint("provider_id", "cell_code", name=op.f("uq_service_places_provider_id_cell_code")),
    )
    op.create_index(op.f("ix_service_places_provider_id"), "service_places", ["provider_id"], unique=False)
    op.create_table(
        "sites",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("locality", sa.String(), nullable=False),
        sa.Column("landmark", sa.String(), nullable=True),
        sa.Column("street", sa.String(), nullable=True),
        sa.Column("gmina", sa.String(), nullable=True),
        sa.Column("teryt", sa.String(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=True),
        sa.Column("telephone", sa.String(), nullable=True),
        sa.Column("logistics", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("days_max", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("teryt ~ '^[0-9]{7}$'", name=op.f("ck_sites_teryt")),
        sa.CheckConstraint("days_max BETWEEN 1 AND 92", name=op.f("ck_sites_days_max")),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name=op.f("ck_sites_coordinates")
        ),
        sa.CheckConstraint("population >= 0", name=op.f("ck_sites_population")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_sites_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        sa.UniqueConstraint("provider_id", "code", name=op.f("uq_sites_provider_id_code")),
    )
    op.create_index(op.f("ix_sites_provider_id"), "sites", ["provider_id"], unique=False)
    op.create_table(
        "users",
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("failed_logins", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "roles <@ ARRAY['coordinator', 'midwife', 'settlement', 'administrator'] AND cardinality(roles) > 0",
            name=op.f("ck_users_roles"),
        ),
        sa.CheckConstraint("login = lower(login)", name=op.f("ck_users_login")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_users_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("login", name=op.f("uq_users_login")),
    )
    op.create_index(op.f("ix_users_provider_id"), "users", ["provider_id"], unique=False)
    op.create_table(
        "women",
        sa.Column(
            "identity_kind",
            sa.Enum("pesel", "document", name="identity_kind", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("identity_number", sa.LargeBinary(), nullable=False),
        sa.Column("identity_hash", sa.LargeBinary(), nullable=False),
        sa.Column("given_name", sa.LargeBinary(), nullable=False),
        sa.Column("family_name", sa.LargeBinary(), nullable=False),
        sa.Column("birth_date", sa.LargeBinary(), nullable=False),
        sa.Column("telephone", sa.LargeBinary(), nullable=True),
        sa.Column("declaration", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_women_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_women")),
        sa.UniqueConstraint("provider_id", "identity_hash", name=op.f("uq_women_provider_id_identity_hash")),
    )
    op.create_index(op.f("ix_women_provider_id"), "women", ["provider_id"], unique=False)
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_index(op.f("ix_api_tokens_user_id"), "api_tokens", ["user_id"], unique=False)
    op.create_table(
        "audit_entries",
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_audit_entries_provider_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_audit_entries_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_provider_id"), "audit_entries", ["provider_id"], unique=False)
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject", "subject_id"], unique=False)
    op.create_index(op.f("ix_audit_entries_user_id"), "audit_entries", ["user_id"], unique=False)
    op.create_table(
        "contract_ranges",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("product_code", sa.String(), nullable=False),
        sa.Column("service_place_id", sa.BigInteger(), nullable=True),
        sa.Column("quantity_limit", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.CheckConstraint(
            "product_code ~ '^[0-9]{2}[.][0-9]{4}[.][0-9]{3}[.][0-9]{2}$'", name=op.f("ck_contract_ranges_product_code")
        ),
        sa.CheckConstraint("quantity_limit >= 0", name=op.f("ck_contract_ranges_quantity_limit")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_contract_ranges_unit_price")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contracts.id"], name=op.f("fk_contract_ranges_contract_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["service_place_id"], ["service_places.id"], name=op.f("fk_contract_ranges_service_place_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_ranges")),
    )
    op.create_index(op.f("ix_contract_ranges_service_place_id"), "contract_ranges", ["service_place_id"], unique=False)
    op.create_index(
        "uq_contract_ranges_code_and_place",
        "contract_ranges",
        ["contract_id", "product_code", "service_place_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "opening_hours",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service_place_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "programme",
            sa.Enum("breast", "cervical", name="programme", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("minutes_per_woman", sa.SmallInteger(), nullable=False),
        sa.Column("rooms", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("minutes_per_woman BETWEEN 1 AND 240", name=op.f("ck_opening_hours_minutes_per_woman")),
        sa.CheckConstraint("opens < closes", name=op.f("ck_opening_hours_opens_before_it_closes")),
        sa.CheckConstraint("rooms BETWEEN 1 AND 20", name=op.f("ck_opening_hours_rooms")),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name=op.f("ck_opening_hours_weekday")),
        sa.ForeignKeyConstraint(
            ["service_place_id"],
            ["service_places.id"],
            name=op.f("fk_opening_hours_service_place_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_hours")),
        sa.UniqueConstraint(
            "service_place_id",
            "programme",
            "weekday",
            "opens",
            name=op.f("uq_opening_hours_service_place_id_programme_weekday_opens"),
        ),
    )
    op.create_table(
        "outbox_dependencies",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("requires_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["outbox_messages.id"], name=op.f("fk_outbox_dependencies_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["requires_id"], ["outbox_messages.id"], name=op.f("fk_outbox_dependencies_requires_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "requires_id", name=op.f("pk_outbox_dependencies")),
    )
    op.create_index(op.f("ix_outbox_dependencies_requires_id"), "outbox_dependencies", ["requires_id"], unique=False)
    op.create_table(
        "site_demands",
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "programme",
            sa.Enum("breast", "cervical", name="programme", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("women_due", sa.Integer(), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.CheckConstraint("women_due >= 0", name=op.f("ck_site_demands_women_due")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_site_demands_site_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("site_id", "programme", name=op.f("pk_site_demands")),
    )
    op.create_table(
        "stops",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("itinerary_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("women_planned", sa.Integer(), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_stops_days")),
        sa.CheckConstraint("women_planned >= 0", name=op.f("ck_stops_women_planned")),
        sa.ForeignKeyConstraint(
            ["itinerary_id"], ["itineraries.id"], name=op.f("fk_stops_itinerary_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_stops_site_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["mobile_units.id"], name=op.f("fk_stops_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
        sa.UniqueConstraint("id", "itinerary_id", "unit_id", name=op.f("uq_stops_id_itinerary_id_unit_id")),
    )
    op.create_index(op.f("ix_stops_first_day"), "stops", ["first_day"], unique=False)
    op.create_index(op.f("ix_stops_itinerary_id"), "stops", ["itinerary_id"], unique=False)
    op.create_index(op.f("ix_stops_site_id"), "stops", ["site_id"], unique=False)
    op.create_index(op.f("ix_stops_unit_id"), "stops", ["unit_id"], unique=False)
    op.create_table(
        "transmission_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "delivered",
                "already_delivered",
                "rejected",
                "retryable",
                "outcome_unknown",
                "halted",
                name="outcome",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("event_uuid", sa.String(), nullable=True),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["outbox_messages.id"], name=op.f("fk_transmission_attempts_message_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transmission_attempts")),
    )
    op.create_index(op.f("ix_transmission_attempts_message_id"), "transmission_attempts", ["message_id"], unique=False)
    op.create_table(
        "unit_programmes",
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "programme",
            sa.Enum("breast", "cervical", name="programme", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("service_place_id", sa.BigInteger(), nullable=False),
        sa.Column("women_per_day", sa.SmallInteger(), nullable=False),
        sa.Column("minutes_per_woman", sa.SmallInteger(), nullable=False),
        sa.Column("rooms", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("minutes_per_woman BETWEEN 1 AND 240", name=op.f("ck_unit_programmes_minutes_per_woman")),
        sa.CheckConstraint("rooms BETWEEN 1 AND 20", name=op.f("ck_unit_programmes_rooms")),
        sa.CheckConstraint("women_per_day BETWEEN 1 AND 1000", name=op.f("ck_unit_programmes_women_per_day")),
        sa.ForeignKeyConstraint(
            ["service_place_id"], ["service_places.id"], name=op.f("fk_unit_programmes_service_place_id")
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["mobile_units.id"], name=op.f("fk_unit_programmes_unit_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("unit_id", "programme", name=op.f("pk_unit_programmes")),
    )
    op.create_index(op.f("ix_unit_programmes_service_place_id"), "unit_programmes", ["service_place_id"], unique=False)
    op.create_table(
        "mobile_points",
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("service_place_id", sa.BigInteger(), nullable=False),
        sa.Column("stop_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_mobile_points_valid")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_mobile_points_provider_id")),
        sa.ForeignKeyConstraint(
            ["service_place_id"], ["service_places.id"], name=op.f("fk_mobile_points_service_place_id")
        ),
        sa.ForeignKeyConstraint(["stop_id"], ["stops.id"], name=op.f("fk_mobile_points_stop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mobile_points")),
        sa.UniqueConstraint("id", "service_place_id", name=op.f("uq_mobile_points_id_service_place_id")),
        sa.UniqueConstraint("service_place_id", "stop_id", name=op.f("uq_mobile_points_service_place_id_stop_id")),
        sa.UniqueConstraint("uuid", name=op.f("uq_mobile_points_uuid")),
    )
    op.create_index(op.f("ix_mobile_points_provider_id"), "mobile_points", ["provider_id"], unique=False)
    op.create_index(op.f("ix_mobile_points_service_place_id"), "mobile_points", ["service_place_id"], unique=False)
    op.create_index(op.f("ix_mobile_points_stop_id"), "mobile_points", ["stop_id"], unique=False)
    op.create_table(
        "stop_days",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("stop_id", sa.BigInteger(), nullable=False),
        sa.Column("itinerary_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "itinerary_status",
            sa.Enum(
                "draft", "published", "discarded", name="itinerary_status", native_enum=False, create_constraint=True
            ),
            nullable=False,
        ),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(itinerary_id, itinerary_id, '[]')"), "&&"),
            (sa.literal_column("int8range(unit_id, unit_id, '[]')"), "&&"),
            (sa.literal_column("tstzrange(opens_at, closes_at)"), "&&"),
            using="gist",
            name="ex_stop_days_unit_in_one_place_of_itinerary",
        ),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(unit_id, unit_id, '[]')"), "&&"),
            (sa.literal_column("tstzrange(opens_at, closes_at)"), "&&"),
            where=sa.text("itinerary_status = 'published'"),
            using="gist",
            name="ex_stop_days_unit_in_one_place",
        ),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("ck_stop_days_opens_before_it_closes")),
        sa.ForeignKeyConstraint(
            ["itinerary_id", "itinerary_status"],
            ["itineraries.id", "itineraries.status"],
            name="fk_stop_days_itinerary",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["stop_id", "itinerary_id", "unit_id"],
            ["stops.id", "stops.itinerary_id", "stops.unit_id"],
            name="fk_stop_days_stop",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop_days")),
        sa.UniqueConstraint("stop_id", "day", name=op.f("uq_stop_days_stop_id_day")),
    )
    op.create_table(
        "schedules",
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("service_place_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "place_mobility",
            sa.Enum("stationary", "mobile", name="place_mobility", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("mobile", sa.Boolean(), nullable=False),
        sa.Column("mobile_point_id", sa.BigInteger(), nullable=True),
        sa.Column("contract_range_id", sa.BigInteger(), nullable=False),
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
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("women_planned", sa.Integer(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slots_accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(service_place_id, service_place_id, '[]')"), "&&"),
            (sa.literal_column("int8range(contract_range_id, contract_range_id, '[]')"), "&&"),
            (sa.literal_column("daterange(valid_from, valid_to, '[]')"), "&&"),
            where=sa.text("NOT mobile"),
            using="gist",
            name="ex_schedules_stationary_once",
        ),
        sa.CheckConstraint(
            "place_mobility = 'mobile' OR NOT mobile", name=op.f("ck_schedules_stationary_place_has_no_point")
        ),
        sa.CheckConstraint("mobile = (mobile_point_id IS NOT NULL)", name=op.f("ck_schedules_mobile_flag_needs_point")),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_schedules_valid")),
        sa.CheckConstraint("women_planned >= 0", name=op.f("ck_schedules_women_planned")),
        sa.ForeignKeyConstraint(
            ["contract_range_id"], ["contract_ranges.id"], name=op.f("fk_schedules_contract_range_id")
        ),
        sa.ForeignKeyConstraint(
            ["mobile_point_id", "service_place_id"],
            ["mobile_points.id", "mobile_points.service_place_id"],
            name="fk_schedules_mobile_point",
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_schedules_provider_id")),
        sa.ForeignKeyConstraint(
            ["service_place_id", "place_mobility"],
            ["service_places.id", "service_places.mobility"],
            name="fk_schedules_service_place",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        sa.UniqueConstraint(
            "id",
            "service_place_id",
            "place_mobility",
            "mobile",
            name=op.f("uq_schedules_id_service_place_id_place_mobility_mobile"),
        ),
        sa.UniqueConstraint(
            "mobile_point_id", "contract_range_id", name=op.f("uq_schedules_mobile_point_id_contract_range_id")
        ),
        sa.UniqueConstraint("uuid", name=op.f("uq_schedules_uuid")),
    )
    op.create_index(op.f("ix_schedules_contract_range_id"), "schedules", ["contract_range_id"], unique=False)
    op.create_index(op.f("ix_schedules_mobile_point_id"), "schedules", ["mobile_point_id"], unique=False)
    op.create_index(op.f("ix_schedules_provider_id"), "schedules", ["provider_id"], unique=False)
    op.create_index(op.f("ix_schedules_service_place_id"), "schedules", ["service_place_id"], unique=False)
    op.create_index(op.f("ix_schedules_valid_from"), "schedules", ["valid_from"], unique=False)
    op.create_table(
        "schedule_hours",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_schedule_hours_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_schedule_hours_schedule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_hours")),
        sa.UniqueConstraint("schedule_id", "starts_at", name=op.f("uq_schedule_hours_schedule_id_starts_at")),
    )
    op.create_table(
        "slots",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("service_place_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "place_mobility",
            sa.Enum("stationary", "mobile", name="place_mobility", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("mobile", sa.Boolean(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.SmallInteger(), nullable=False),
        sa.Column("taken", sa.SmallInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("open", "blocked", name="status", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.CheckConstraint(
            "place_mobility = 'mobile' OR NOT mobile", name=op.f("ck_slots_stationary_place_on_stationary_schedule")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_slots_starts_before_it_ends")),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity", name=op.f("ck_slots_capacity")),
        sa.ForeignKeyConstraint(
            ["schedule_id", "service_place_id", "place_mobility", "mobile"],
            ["schedules.id", "schedules.service_place_id", "schedules.place_mobility", "schedules.mobile"],
            name="fk_slots_schedule",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
        sa.UniqueConstraint("schedule_id", "starts_at", name=op.f("uq_slots_schedule_id_starts_at")),
        sa.UniqueConstraint("uuid", name=op.f("uq_slots_uuid")),
    )
    op.create_index(
        "ix_slots_bookable",
        "slots",
        ["starts_at"],
        unique=False,
        postgresql_where="status = 'open' AND taken < capacity",
    )
    op.create_table(
        "visits",
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("woman_id", sa.BigInteger(), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=False),
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
        sa.Column("contract_range_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "held",
                "booked",
                "confirmed",
                "arrived",
                "performed",
                "not_performed",
                "no_show",
                "cancelled",
                "moved",
                name="status",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column(
            "cancelled_by",
            sa.Enum("woman", "provider", "system", name="cancelled_by", native_enum=False, create_constraint=True),
            nullable=True,
        ),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("eligibility_rule_id", sa.BigInteger(), nullable=True),
        sa.Column("override_reason", sa.LargeBinary(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("moved_from", sa.Uuid(), nullable=True),
        sa.Column("passed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_by IS NOT NULL)", name=op.f("ck_visits_cancelled_by_whom")
        ),
        sa.CheckConstraint("char_length(idempotency_key) BETWEEN 8 AND 100", name=op.f("ck_visits_idempotency_key")),
        sa.ForeignKeyConstraint(
            ["contract_range_id"], ["contract_ranges.id"], name=op.f("fk_visits_contract_range_id")
        ),
        sa.ForeignKeyConstraint(
            ["eligibility_rule_id"], ["eligibility_rules.id"], name=op.f("fk_visits_eligibility_rule_id")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_visits_provider_id")),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_visits_slot_id")),
        sa.ForeignKeyConstraint(["woman_id"], ["women.id"], name=op.f("fk_visits_woman_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
        sa.UniqueConstraint("uuid", name=op.f("uq_visits_uuid")),
    )
    op.create_index(op.f("ix_visits_contract_range_id"), "visits", ["contract_range_id"], unique=False)
    op.create_index(op.f("ix_visits_eligibility_rule_id"), "visits", ["eligibility_rule_id"], unique=False)
    op.create_index(op.f("ix_visits_provider_id"), "visits", ["provider_id"], unique=False)
    op.create_index(op.f("ix_visits_slot_id"), "visits", ["slot_id"], unique=False)
    op.create_index(op.f("ix_visits_woman_id"), "visits", ["woman_id"], unique=False)
    op.create_index("uq_visits_idempotency_key", "visits", ["provider_id", "idempotency_key"], unique=True)
    op.create_index(
        "uq_visits_one_active_per_woman_and_programme",
        "visits",
        ["woman_id", "programme"],
        unique=True,
        postgresql_where=sa.text("status IN ('arrived', 'booked', 'confirmed', 'held')"),
    )
    op.create_table(
        "visit_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "from_status",
            sa.Enum(
                "held",
                "booked",
                "confirmed",
                "arrived",
                "performed",
                "not_performed",
                "no_show",
                "cancelled",
                "moved",
                name="from_status",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=True,
        ),
        sa.Column(
            "to_status",
            sa.Enum(
                "held",
                "booked",
                "confirmed",
                "arrived",
                "performed",
                "not_performed",
                "no_show",
                "cancelled",
                "moved",
                name="to_status",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_visit_changes_user_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_visit_changes_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_changes")),
    )
    op.create_index(op.f("ix_visit_changes_user_id"), "visit_changes", ["user_id"], unique=False)
    op.create_index(op.f("ix_visit_changes_visit_id"), "visit_changes", ["visit_id"], unique=False)
    op.execute(FORBID_CHANGE)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION forbid_change()"
        )


def downgrade() -> None:
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER append_only ON {table}")
    op.execute("DROP FUNCTION forbid_change")
    op.drop_index(op.f("ix_visit_changes_visit_id"), table_name="visit_changes")
    op.drop_index(op.f("ix_visit_changes_user_id"), table_name="visit_changes")
    op.drop_table("visit_changes")
    op.drop_index(
        "uq_visits_one_active_per_woman_and_programme",
        table_name="visits",
        postgresql_where=sa.text("status IN ('arrived', 'booked', 'confirmed', 'held')"),
    )
    op.drop_index("uq_visits_idempotency_key", table_name="visits")
    op.drop_index(op.f("ix_visits_woman_id"), table_name="visits")
    op.drop_index(op.f("ix_visits_slot_id"), table_name="visits")
    op.drop_index(op.f("ix_visits_provider_id"), table_name="visits")
    op.drop_index(op.f("ix_visits_eligibility_rule_id"), table_name="visits")
    op.drop_index(op.f("ix_visits_contract_range_id"), table_name="visits")
    op.drop_table("visits")
    op.drop_index("ix_slots_bookable", table_name="slots", postgresql_where="status = 'open' AND taken < capacity")
    op.drop_table("slots")
    op.drop_table("schedule_hours")
    op.drop_index(op.f("ix_schedules_valid_from"), table_name="schedules")
    op.drop_index(op.f("ix_schedules_service_place_id"), table_name="schedules")
    op.drop_index(op.f("ix_schedules_provider_id"), table_name="schedules")
    op.drop_index(op.f("ix_schedules_mobile_point_id"), table_name="schedules")
    op.drop_index(op.f("ix_schedules_contract_range_id"), table_name="schedules")
    op.drop_table("schedules")
    op.drop_table("stop_days")
    op.drop_index(op.f("ix_mobile_points_stop_id"), table_name="mobile_points")
    op.drop_index(op.f("ix_mobile_points_service_place_id"), table_name="mobile_points")
    op.drop_index(op.f("ix_mobile_points_provider_id"), table_name="mobile_points")
    op.drop_table("mobile_points")
    op.drop_index(op.f("ix_unit_programmes_service_place_id"), table_name="unit_programmes")
    op.drop_table("unit_programmes")
    op.drop_index(op.f("ix_transmission_attempts_message_id"), table_name="transmission_attempts")
    op.drop_table("transmission_attempts")
    op.drop_index(op.f("ix_stops_unit_id"), table_name="stops")
    op.drop_index(op.f("ix_stops_site_id"), table_name="stops")
    op.drop_index(op.f("ix_stops_itinerary_id"), table_name="stops")
    op.drop_index(op.f("ix_stops_first_day"), table_name="stops")
    op.drop_table("stops")
    op.drop_table("site_demands")
    op.drop_index(op.f("ix_outbox_dependencies_requires_id"), table_name="outbox_dependencies")
    op.drop_table("outbox_dependencies")
    op.drop_table("opening_hours")
    op.drop_index("uq_contract_ranges_code_and_place", table_name="contract_ranges", postgresql_nulls_not_distinct=True)
    op.drop_index(op.f("ix_contract_ranges_service_place_id"), table_name="contract_ranges")
    op.drop_table("contract_ranges")
    op.drop_index(op.f("ix_audit_entries_user_id"), table_name="audit_entries")
    op.drop_index("ix_audit_entries_subject", table_name="audit_entries")
    op.drop_index(op.f("ix_audit_entries_provider_id"), table_name="audit_entries")
    op.drop_table("audit_entries")
    op.drop_index(op.f("ix_api_tokens_user_id"), table_name="api_tokens")
    op.drop_table("api_tokens")
    op.drop_index(op.f("ix_women_provider_id"), table_name="women")
    op.drop_table("women")
    op.drop_index(op.f("ix_users_provider_id"), table_name="users")
    op.drop_table("users")
    op.drop_index(op.f("ix_sites_provider_id"), table_name="sites")
    op.drop_table("sites")
    op.drop_index(op.f("ix_service_places_provider_id"), table_name="service_places")
    op.drop_table("service_places")
    op.drop_index("uq_product_codes_code", table_name="product_codes", postgresql_nulls_not_distinct=True)
    op.drop_index(op.f("ix_product_codes_provider_id"), table_name="product_codes")
    op.drop_table("product_codes")
    op.drop_index(
        "uq_outbox_messages_pending_subject",
        table_name="outbox_messages",
        postgresql_where=sa.text("state = 'pending' AND attempts = 0"),
    )
    op.drop_index("ix_outbox_messages_subject", table_name="outbox_messages")
    op.drop_index(op.f("ix_outbox_messages_provider_id"), table_name="outbox_messages")
    op.drop_index(
        "ix_outbox_messages_due",
        table_name="outbox_messages",
        postgresql_where=sa.text("state IN ('pending', 'in_progress')"),
    )
    op.drop_table("outbox_messages")
    op.drop_index(op.f("ix_mobile_units_provider_id"), table_name="mobile_units")
    op.drop_table("mobile_units")
    op.drop_index(op.f("ix_itineraries_provider_id"), table_name="itineraries")
    op.drop_table("itineraries")
    op.drop_index(op.f("ix_contracts_provider_id"), table_name="contracts")
    op.drop_table("contracts")
    op.drop_table("providers")
    op.drop_index("uq_eligibility_rules_case", table_name="eligibility_rules", postgresql_nulls_not_distinct=True)
    op.drop_table("eligibility_rules")
    op.drop_table("eligibility_exclusions")
