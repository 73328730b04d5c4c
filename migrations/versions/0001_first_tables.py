"""The first tables: log, devices, projections, people.

Revision 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915  one statement per table
    """Apply."""
    op.create_table(
        "chain_heads",
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("have", sa.BigInteger(), nullable=False),
        sa.Column("have_set", sa.LargeBinary(), nullable=True),
        sa.Column("top", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.BigInteger(), nullable=False),
        sa.Column("forked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_chain_heads")),
    )
    op.create_table(
        "sync_tokens",
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("shown", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_sync_tokens")),
    )
    op.create_table(
        "nudges",
        sa.Column("incident", sa.LargeBinary(), nullable=False),
        sa.Column("order_id", sa.LargeBinary(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("incident", "order_id", "clock", "channel", name=op.f("pk_nudges")),
    )
    op.create_table(
        "verdicts",
        sa.Column("incident", sa.LargeBinary(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("order_id", sa.LargeBinary(), nullable=False),
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("grade", sa.BigInteger(), nullable=True),
        sa.Column("within_ms", sa.BigInteger(), nullable=True),
        sa.Column("policy_row", sa.LargeBinary(), nullable=True),
        sa.Column("policy_idx", sa.BigInteger(), nullable=False),
        sa.Column("start_op", sa.LargeBinary(), nullable=True),
        sa.Column("start_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("end_op", sa.LargeBinary(), nullable=True),
        sa.Column("elapsed_lo_ms", sa.BigInteger(), nullable=True),
        sa.Column("elapsed_hi_ms", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("ruled", sa.Text(), nullable=True),
        sa.Column("ruled_idx", sa.BigInteger(), nullable=True),
        sa.Column("ruled_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("override_result", sa.Text(), nullable=True),
        sa.Column("override_by", sa.LargeBinary(), nullable=True),
        sa.Column("override_why", sa.Text(), nullable=True),
        sa.Column("override_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("station", sa.LargeBinary(), nullable=True),
        sa.Column("to_kind", sa.Text(), nullable=True),
        sa.Column("to_id", sa.LargeBinary(), nullable=True),
        sa.Column("tier", sa.BigInteger(), nullable=True),
        sa.Column("zone", sa.LargeBinary(), nullable=True),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("incident", "clock", "order_id", "round", name=op.f("pk_verdicts")),
    )
    with op.batch_alter_table("verdicts", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_verdicts_clock_start_at_ms"), ["clock", "start_at_ms"], unique=False
        )
    op.create_table(
        "timers",
        sa.Column("entity", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("entity", "kind", name=op.f("pk_timers")),
    )
    with op.batch_alter_table("timers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_timers_kind_at_ms"), ["kind", "at_ms"], unique=False)
    op.create_table(
        "doubts",
        sa.Column(
            "arrival_no",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("set_id", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("entity", sa.LargeBinary(), nullable=True),
        sa.Column("person", sa.LargeBinary(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("arrival_no", name=op.f("pk_doubts")),
        sa.UniqueConstraint("set_id", name=op.f("uq_doubts_set_id")),
    )
    with op.batch_alter_table("doubts", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_doubts_open_kind_arrival_no"),
            ["open", "kind", "arrival_no"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_doubts_entity"), ["entity"], unique=False)
    op.create_table(
        "push_subscriptions",
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.LargeBinary(), nullable=False),
        sa.Column("auth", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("succeeded_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("refusals", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_push_subscriptions")),
        sa.UniqueConstraint("endpoint", name=op.f("uq_push_subscriptions_endpoint")),
    )
    op.create_table(
        "remarks",
        sa.Column("arrival_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("arrival_no", "idx", name=op.f("pk_remarks")),
    )
    op.create_table(
        "grants",
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "idx", name=op.f("pk_grants")),
    )
    op.create_table(
        "chain_events",
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "kind", name=op.f("pk_chain_events")),
    )
    op.create_table(
        "entity_rulings",
        sa.Column("entity", sa.LargeBinary(), nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entity", "idx", name=op.f("pk_entity_rulings")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entity_heads",
        sa.Column("entity", sa.LargeBinary(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entity", name=op.f("pk_entity_heads")),
    )
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "n", name=op.f("pk_log_tiles")),
    )
    op.create_table(
        "log_checkpoints",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", name=op.f("pk_log_checkpoints")),
    )
    op.create_table(
        "clock_samples",
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("session", sa.LargeBinary(), nullable=False),
        sa.Column("m", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("lo_ms", sa.BigInteger(), nullable=False),
        sa.Column("hi_ms", sa.BigInteger(), nullable=False),
        sa.Column("wall_ms", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("fell", sa.BigInteger(), nullable=False),
        sa.Column("gap", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "session", "m", "seq", name=op.f("pk_clock_samples")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kept_words",
        sa.Column("set_id", sa.LargeBinary(), nullable=False),
        sa.Column("hub", sa.LargeBinary(), nullable=False),
        sa.Column("hub_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("unsure_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("set_id", "hub", "hub_seq", name=op.f("pk_kept_words")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("kept_words", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_kept_words_hub_hub_seq"), ["hub", "hub_seq"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_kept_words_chain_seq"), ["chain", "seq"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_snapshots")),
    )
    with op.batch_alter_table("snapshots", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_snapshots_scope_n"), ["scope", "n"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("last_contact_ms", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("oldest_ms", sa.BigInteger(), nullable=True),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("storage", sa.BigInteger(), nullable=True),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_contacts")),
    )
    op.create_table(
        "credentials",
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_credentials")),
        sa.UniqueConstraint("login", name=op.f("uq_credentials_login")),
    )
    op.create_table(
        "deadlines",
        sa.Column("incident", sa.LargeBinary(), nullable=False),
        sa.Column("deadline", sa.Text(), nullable=False),
        sa.Column("order_id", sa.LargeBinary(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=True),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("incident", "deadline", "order_id", name=op.f("pk_deadlines")),
    )
    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_deadlines_deadline_done_ms_due_ms"),
            ["deadline", "done_ms", "due_ms"],
            unique=False,
        )

    op.create_table(
        "devices",
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.LargeBinary(), nullable=True),
        sa.Column("alg", sa.Text(), nullable=False),
        sa.Column("pub", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("enrolled_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_why", sa.Text(), nullable=True),
        sa.Column("compromised_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("continues", sa.LargeBinary(), nullable=True),
        sa.Column("continued_by", sa.LargeBinary(), nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=True),
        sa.Column("station", sa.LargeBinary(), nullable=True),
        sa.Column("seal", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_devices")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_devices_token_hash")),
    )
    op.create_table(
        "effects",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effects")),
    )
    op.create_table(
        "enrol_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.LargeBinary(), nullable=True),
        sa.Column("station", sa.LargeBinary(), nullable=True),
        sa.Column("created_by", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("chain", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_enrol_codes")),
    )
    with op.batch_alter_table("enrol_codes", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_enrol_codes_expires_at_ms"), ["expires_at_ms"], unique=False
        )

    op.create_table(
        "imported_orders",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_no", sa.Text(), nullable=False),
        sa.Column("incident", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("imported_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "source_no", name=op.f("pk_imported_orders")),
    )
    with op.batch_alter_table("imported_orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_imported_orders_incident"), ["incident"], unique=False)

    op.create_table(
        "incident_numbers",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_incident_numbers")),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("station", sa.LargeBinary(), nullable=True),
        sa.Column("home_scope", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.LargeBinary(), nullable=True),
        sa.Column("created_chain", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_idx", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("lat", sa.BigInteger(), nullable=True),
        sa.Column("lon", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.BigInteger(), nullable=True),
        sa.Column("tier", sa.BigInteger(), nullable=True),
        sa.Column("conflicts", sa.BigInteger(), nullable=False),
        sa.Column("contradictions", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("duplicate_of", sa.LargeBinary(), nullable=True),
        sa.Column("callback_state", sa.Text(), nullable=True),
        sa.Column("callback_exempt", sa.Text(), nullable=True),
        sa.Column("callback_attempts", sa.BigInteger(), nullable=False),
        sa.Column("callback_outcome", sa.Text(), nullable=True),
        sa.Column("callback_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("callback_again_ms", sa.BigInteger(), nullable=True),
        sa.Column("callback_settled_ms", sa.BigInteger(), nullable=True),
        sa.Column("callback_score", sa.BigInteger(), nullable=True),
        sa.Column("callback_reason", sa.Text(), nullable=True),
        sa.Column("ladder", sa.Text(), nullable=True),
        sa.Column("recall_from_ms", sa.BigInteger(), nullable=True),
        sa.Column("recall_due_ms", sa.BigInteger(), nullable=True),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("feedback_state", sa.Text(), nullable=False),
        sa.Column("review_from_ms", sa.BigInteger(), nullable=True),
        sa.Column("review_due_ms", sa.BigInteger(), nullable=True),
        sa.Column("correct_from_ms", sa.BigInteger(), nullable=True),
        sa.Column("correct_due_ms", sa.BigInteger(), nullable=True),
        sa.Column("reviewed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("review_score", sa.BigInteger(), nullable=True),
        sa.Column("delays", sa.BigInteger(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_incidents_callback_state_closed_at_ms"),
            ["callback_state", "closed_at_ms"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_incidents_created_at_ms"), ["created_at_ms"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_incidents_ended_at_ms"), ["ended_at_ms"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_incidents_feedback_state_review_due_ms"),
            ["feedback_state", "review_due_ms"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_incidents_ladder"), ["ladder"], unique=False)
        batch_op.create_index(batch_op.f("ix_incidents_number"), ["number"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_incidents_station_created_at_ms"),
            ["station", "created_at_ms"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_incidents_updated_idx"), ["updated_idx"], unique=False)

    op.create_table(
        "cutoffs",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cutoffs")),
    )
    with op.batch_alter_table("cutoffs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cutoffs_at_ms"), ["at_ms"], unique=False)

    op.create_table(
        "handovers",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("seat", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("open", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("taken_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("taken_by", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
    )
    with op.batch_alter_table("handovers", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_handovers_seat_at_ms"), ["seat", "at_ms"], unique=False
        )

    op.create_table(
        "upstream",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("station", sa.LargeBinary(), nullable=False),
        sa.Column("server", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("lost", sa.LargeBinary(), nullable=False),
        sa.Column("beacon", sa.LargeBinary(), nullable=True),
        sa.Column("held", sa.Text(), nullable=True),
        sa.Column("told_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("heard_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("known_ms", sa.BigInteger(), nullable=True),
        sa.Column("measured_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upstream")),
    )
    op.create_table(
        "spool",
        sa.Column(
            "arrival_no",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("handed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("kept_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("unsure_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("arrival_no", name=op.f("pk_spool")),
    )
    with op.batch_alter_table("spool", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_spool_chain"), ["chain"], unique=False)

    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("arrival_no", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("server_id", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("incident", sa.LargeBinary(), nullable=False),
        sa.Column("to_kind", sa.Text(), nullable=False),
        sa.Column("to_id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("issued_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("issued_by", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("return_requested", sa.Boolean(), nullable=False),
        sa.Column("delivered_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("signed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("departed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("arrived_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("cleared_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("feedback_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", "incident", name=op.f("pk_orders")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_orders_incident"), ["incident"], unique=False)
        batch_op.create_index(batch_op.f("ix_orders_to_id_open"), ["to_id", "open"], unique=False)

    op.create_table(
        "org_rows",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("what", "id", name=op.f("pk_org_rows")),
    )
    op.create_table(
        "rulings",
        sa.Column(
            "idx",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_rulings")),
    )
    op.create_table(
        "scope_entries",
        sa.Column("scope", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("arrival_no", sa.BigInteger(), nullable=True),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "n", name=op.f("pk_scope_entries")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("scope_entries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_scope_entries_provisional",
            ["arrival_no"],
            unique=False,
            sqlite_where=sa.text("idx >= 4503599627370496"),
            postgresql_where=sa.text("idx >= 4503599627370496"),
        )

    op.create_table(
        "scopes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scopes")),
        sa.UniqueConstraint("name", name=op.f("uq_scopes_name")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sessions_expires_at_ms"), ["expires_at_ms"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_sessions_person"), ["person"], unique=False)

    op.create_table(
        "sets",
        sa.Column(
            "arrival_no",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("set_id", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("entity", sa.LargeBinary(), nullable=True),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("arrival_no", name=op.f("pk_sets")),
    )
    with op.batch_alter_table("sets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sets_chain_seq"), ["chain", "seq"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sets_entity_arrival_no"), ["entity", "arrival_no"], unique=False
        )

    op.create_table(
        "incident_scopes",
        sa.Column("incident", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scope"], ["scopes.id"], name=op.f("fk_incident_scopes_scope_scopes")
        ),
        sa.PrimaryKeyConstraint("incident", "scope", name=op.f("pk_incident_scopes")),
    )


def downgrade() -> None:  # noqa: PLR0915  one statement per table
    """Take back."""
    op.drop_table("timers")
    op.drop_table("nudges")
    op.drop_table("incident_scopes")
    with op.batch_alter_table("sets", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sets_entity_arrival_no"))
        batch_op.drop_index(batch_op.f("ix_sets_chain_seq"))

    op.drop_table("sets")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_person"))
        batch_op.drop_index(batch_op.f("ix_sessions_expires_at_ms"))

    op.drop_table("sessions")
    op.drop_table("scopes")
    with op.batch_alter_table("scope_entries", schema=None) as batch_op:
        batch_op.drop_index("ix_scope_entries_provisional")

    op.drop_table("scope_entries")
    op.drop_table("rulings")
    op.drop_table("org_rows")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_orders_to_id_open"))
        batch_op.drop_index(batch_op.f("ix_orders_incident"))

    op.drop_table("orders")
    op.drop_table("log_head")
    with op.batch_alter_table("spool", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_spool_chain"))

    op.drop_table("spool")
    op.drop_table("upstream")
    with op.batch_alter_table("handovers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_handovers_seat_at_ms"))

    op.drop_table("handovers")
    with op.batch_alter_table("cutoffs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cutoffs_at_ms"))

    op.drop_table("cutoffs")
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incidents_updated_idx"))
        batch_op.drop_index(batch_op.f("ix_incidents_station_created_at_ms"))
        batch_op.drop_index(batch_op.f("ix_incidents_number"))
        batch_op.drop_index(batch_op.f("ix_incidents_feedback_state_review_due_ms"))
        batch_op.drop_index(batch_op.f("ix_incidents_created_at_ms"))
        batch_op.drop_index(batch_op.f("ix_incidents_callback_state_closed_at_ms"))

    op.drop_table("incidents")
    op.drop_table("incident_numbers")
    with op.batch_alter_table("imported_orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_imported_orders_incident"))

    op.drop_table("imported_orders")
    with op.batch_alter_table("enrol_codes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_enrol_codes_expires_at_ms"))

    op.drop_table("enrol_codes")
    op.drop_table("effects")
    op.drop_table("devices")
    with op.batch_alter_table("verdicts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_verdicts_clock_start_at_ms"))

    op.drop_table("verdicts")
    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deadlines_deadline_done_ms_due_ms"))

    op.drop_table("deadlines")
    op.drop_table("credentials")
    op.drop_table("contacts")
    op.drop_table("clock_samples")
    op.drop_table("snapshots")
    with op.batch_alter_table("kept_words", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kept_words_hub_hub_seq"))
        batch_op.drop_index(batch_op.f("ix_kept_words_chain_seq"))

    op.drop_table("kept_words")
    op.drop_table("log_checkpoints")
    op.drop_table("log_tiles")
    op.drop_table("entity_heads")
    op.drop_table("entity_rulings")
    op.drop_table("grants")
    op.drop_table("remarks")
    op.drop_table("push_subscriptions")
    op.drop_table("doubts")
    op.drop_table("chain_events")
    op.drop_table("sync_tokens")
    op.drop_table("chain_heads")
