"""Every table, as SQLAlchemy Core metadata: one shape for SQLite and PostgreSQL.

Times are integer milliseconds since the Unix epoch, UTC; ids are raw bytes; coordinates integers
of 1e-7 degree. Two kinds of table live here and are marked so:

- **log**: evidence and rulings, append-only, the truth (`sets`, `rulings`, `scope_entries`);
- **projection**: folded from the log for a screen, may be dropped and rebuilt at any time.

Refuses to know statements; those live in the neighbours of this file. Revisions in `migrations/`
spell out their own columns and a test holds them equal to this page.

Example: an incident's evidence with its rulings, in order of arrival, is
`select(sets.c.envelope, rulings.c.bytes).join(rulings, rulings.c.idx == sets.c.idx)
.where(sets.c.entity == incident).order_by(sets.c.arrival_no)`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from sync.rulings import PROVISIONAL_FROM

# SQLite numbers rows only in a column declared INTEGER PRIMARY KEY.
Key = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# ---- log -------------------------------------------------------------------------------------

log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("idx", BigInteger, nullable=False),  # newest ruling
    Column("arrival_no", BigInteger, nullable=False),  # newest set
    Column("origin", Text, nullable=False),  # hex of server_id
    Column("server_id", LargeBinary, nullable=False),
    Column("epoch", LargeBinary, nullable=False),  # 8 bytes, chosen once when the log is born
)

# No index on set_id: a set is found by its chain and seq and then compared, which keeps random
# 32-byte keys out of the hot write. Forks share (chain, seq), so that index is not unique.
sets = Table(
    "sets",
    metadata,
    Column("arrival_no", Key, primary_key=True, autoincrement=False),
    Column("set_id", LargeBinary, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("entity", LargeBinary),  # null for what this version cannot read
    Column("idx", BigInteger, nullable=False),  # its ruling
    Column("received_at_ms", BigInteger, nullable=False),
    Column("envelope", LargeBinary, nullable=False),  # exactly as received
    Index(None, "chain", "seq"),
    Index(None, "entity", "arrival_no"),
)

rulings = Table(
    "rulings",
    metadata,
    Column("idx", Key, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),  # set, org, scope
    Column("bytes", LargeBinary, nullable=False),
)

# How many rulings there are about an entity and the head over them (TL10).
entity_heads = Table(
    "entity_heads",
    metadata,
    Column("entity", LargeBinary, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("head", LargeBinary, nullable=False),  # 16 bytes
)

# Rulings about an entity beside those that `sets` names: what is ruled about it whole, and what was
# ruled of a set before somebody ruled again. Plain sets need no row here.
entity_rulings = Table(
    "entity_rulings",
    metadata,
    Column("entity", LargeBinary, primary_key=True),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# The tree over `rulings` as far as it was signed: full tiles only (TL4), the root of each beside it.
log_tiles = Table(
    "log_tiles",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),  # 32 bytes
    Column("hashes", LargeBinary, nullable=False),  # 256 of 32 bytes
)

# Signed checkpoints (TL7), those of earlier epochs included.
log_checkpoints = Table(
    "log_checkpoints",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("signed_at_ms", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)

scopes = Table(
    "scopes",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("epoch", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("head", LargeBinary, nullable=False),  # 16 bytes, SC2
)

_PROVISIONAL = text(f"idx >= {PROVISIONAL_FROM}")
scope_entries = Table(
    "scope_entries",
    metadata,
    Column("scope", BigInteger, primary_key=True, autoincrement=False),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, nullable=False),
    Column("arrival_no", BigInteger),  # the set it rules, if any
    Column("head", LargeBinary, nullable=False),
    # Only stations list what is provisional: a centre keeps nothing in it.
    Index(
        "ix_scope_entries_provisional",
        "arrival_no",
        sqlite_where=_PROVISIONAL,
        postgresql_where=_PROVISIONAL,
    ),
    sqlite_with_rowid=False,
)

# Snapshots of scopes (SN): the newest of each and the one before.
snapshots = Table(
    "snapshots",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("scope", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),  # gzip
    Column("made_at_ms", BigInteger, nullable=False),
    Index(None, "scope", "n"),
)

# ---- stations --------------------------------------------------------------------------------

# At a station: its centre, as it was heard last. One row; a centre has none.
upstream = Table(
    "upstream",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("url", Text, nullable=False),
    Column("station", LargeBinary, nullable=False),  # which station this is
    Column("server", LargeBinary, nullable=False),  # the centre's id
    Column("token", Text, nullable=False),  # bearer token of the station's own chain
    Column("origin", Text, nullable=False),  # of the centre's log, as are the next four
    Column("epoch", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("leaf", LargeBinary, nullable=False),  # first 16 bytes of the newest leaf hash
    Column("lost", LargeBinary, nullable=False),  # canonical [[epoch, kept]...] (TL12)
    Column("beacon", LargeBinary),  # the newest of the centre's (TM12)
    Column("held", Text),  # the highest checkpoint that was checked, the whole note (TL9)
    Column(
        "told_at_ms", BigInteger, nullable=False
    ),  # by the centre's clock, at the last hello or pull
    Column("heard_at_ms", BigInteger, nullable=False),  # the same moment by the clock here
    Column("offset_ms", BigInteger),  # centre minus here; null: never measured
    Column("known_ms", BigInteger),  # how far that may be off, when it was measured
    Column("measured_at_ms", BigInteger),  # by the clock here
    Column("boot", Text),  # the run of this machine in which it was measured
)

# At a station: every set that is kept here and not ruled by the centre (HB7).
spool = Table(
    "spool",
    metadata,
    Column("arrival_no", Key, primary_key=True, autoincrement=False),
    Column("chain", LargeBinary, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("handed_at_ms", BigInteger),  # durable at the centre since then; waits for its ruling
    Column("why", Text),  # refused by the centre for this reason
    Column("kept_at_ms", BigInteger),  # null: the station has nothing (more) to say of when
    Column("unsure_ms", BigInteger),  # how far its clock may have been off then
    Index(None, "chain"),
)

# ---- devices ---------------------------------------------------------------------------------

devices = Table(
    "devices",
    metadata,
    Column("chain", LargeBinary, primary_key=True),
    Column("person", LargeBinary),  # null: the centre's own desk chain
    Column("alg", Text, nullable=False),  # Ed25519, ES256
    Column("pub", LargeBinary, nullable=False),
    Column("label", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("token_hash", LargeBinary, unique=True),  # SHA-256 of the bearer token
    Column("enrolled_at_ms", BigInteger, nullable=False),
    Column("revoked_at_ms", BigInteger),
    Column("revoked_why", Text),
    Column("compromised_since_ms", BigInteger),  # in other hands from then on, AU6
    Column("continues", LargeBinary),  # the chain it took the place of
    Column("continued_by", LargeBinary),  # the chain that took its place
    Column("since_ms", BigInteger),  # written on from then at the earliest; null: from enrolment
    Column("station", LargeBinary),  # of a station's own chain: which station (HB1)
    Column("seal", LargeBinary),  # and the key that files for it are sealed to (BU9)
)

# What changes with every push stands apart from the record of the device.
chain_heads = Table(
    "chain_heads",
    metadata,
    Column("chain", LargeBinary, primary_key=True),
    Column("have", BigInteger, nullable=False),  # contiguous seq held, -1 none
    Column("have_set", LargeBinary),  # set id at `have`
    Column("top", BigInteger, nullable=False),  # greatest seq held, gaps or not
    Column("stored", BigInteger, nullable=False),  # sets held
    Column("forked_at", BigInteger),  # from this seq on the chain has two writers, FK2
)

# The sync token of each chain. Greeting moves no log, so this is read anew in every batch.
sync_tokens = Table(
    "sync_tokens",
    metadata,
    Column("chain", LargeBinary, primary_key=True),
    Column("token", LargeBinary, nullable=False),  # given last
    Column("request", LargeBinary, nullable=False),  # the hello that obtained it
    Column("shown", LargeBinary),  # what that hello showed
)

# What befell a chain: one row per kind, counted.
chain_events = Table(
    "chain_events",
    metadata,
    Column("chain", LargeBinary, primary_key=True),
    Column("kind", Text, primary_key=True),  # as in `greetings.Happening`
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("proof", LargeBinary, nullable=False),  # canonical map, of the last time
)

contacts = Table(
    "contacts",
    metadata,
    Column("chain", LargeBinary, primary_key=True),
    Column("last_contact_ms", BigInteger, nullable=False),
    Column("pending", BigInteger, nullable=False),
    Column("oldest_ms", BigInteger),
    Column("clock_offset_ms", BigInteger),  # server minus device, at the last hello
    Column("head", BigInteger, nullable=False),  # what the device says it has written
    Column("app", Text, nullable=False),
    Column("storage", BigInteger),  # percent that is used of what it may store, as it said
    Column("kept", BigInteger, nullable=False),  # sets of its chain that a station keeps for us
)

# ---- projections -----------------------------------------------------------------------------

# Samples of devices' clocks that count (TM3), to be found by the session and the reading they speak of.
clock_samples = Table(
    "clock_samples",
    metadata,
    Column("chain", LargeBinary, primary_key=True),
    Column("session", LargeBinary, primary_key=True),
    Column("m", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # of its set
    Column("received_at_ms", BigInteger, nullable=False),
    Column("lo_ms", BigInteger, nullable=False),
    Column("hi_ms", BigInteger, nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("fell", BigInteger, nullable=False),
    Column("gap", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

kept_words = Table(
    "kept_words",
    metadata,
    Column("set_id", LargeBinary, primary_key=True),  # of the set that was kept
    Column("hub", LargeBinary, primary_key=True),  # the chain that says so
    Column("hub_seq", BigInteger, primary_key=True, autoincrement=False),  # of its set
    Column("chain", LargeBinary, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("unsure_ms", BigInteger, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),  # the word
    Index(None, "chain", "seq"),
    Index(None, "hub", "hub_seq"),
    sqlite_with_rowid=False,
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("number", Text),
    Column("tag", Text, nullable=False),
    Column("station", LargeBinary),
    Column("home_scope", Text),  # null until the create has come
    Column("status", Text, nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("source", Text),
    Column("exercise", Boolean, nullable=False),
    Column("created_at_ms", BigInteger),
    Column("created_by", LargeBinary),
    Column("created_chain", LargeBinary),
    Column("updated_at_ms", BigInteger, nullable=False),  # receipt of the newest counted set
    Column("updated_idx", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("lat", BigInteger),
    Column("lon", BigInteger),
    Column("level", BigInteger),
    Column("tier", BigInteger),
    Column("conflicts", BigInteger, nullable=False),  # fields with more than one live value
    Column("contradictions", BigInteger, nullable=False),  # steps with standing claims far apart
    Column("orders", BigInteger, nullable=False),  # open ones
    Column("closed_at_ms", BigInteger),  # of the current round
    Column(
        "ended_at_ms", BigInteger
    ),  # closed, withdrawn or found a duplicate; null while it goes on
    Column("duplicate_of", LargeBinary),
    Column("callback_state", Text),  # due, trying, unreachable, done, exempt; null while not closed
    Column("callback_exempt", Text),  # why nobody is called
    Column("callback_attempts", BigInteger, nullable=False),
    Column("callback_outcome", Text),  # of the last attempt
    Column("callback_at_ms", BigInteger),
    Column("callback_again_ms", BigInteger),  # when a part of the day begins that is not yet tried
    Column("callback_settled_ms", BigInteger),  # when it ended, CK2
    Column("callback_score", BigInteger),
    Column("callback_reason", Text),
    Column("ladder", Text),  # the gravest open step after a dissatisfied caller, CK5
    Column("recall_from_ms", BigInteger),  # since when somebody waits to be called once more
    Column("recall_due_ms", BigInteger),
    Column("finished", Boolean, nullable=False),  # CK7
    Column("feedback_state", Text, nullable=False),  # FB3, of the current round
    Column("review_from_ms", BigInteger),  # since when the current final feedback waits for review
    Column("review_due_ms", BigInteger),
    Column("correct_from_ms", BigInteger),  # since when returned feedback waits for its author
    Column("correct_due_ms", BigInteger),
    Column("reviewed_at_ms", BigInteger),  # the last review of the round
    Column("review_score", BigInteger),  # of that one
    Column("delays", BigInteger, nullable=False),  # delay reasons that nobody has answered
    Column("search", Text, nullable=False),  # lower case: number, tag, titles, places, source no
    Index(None, "created_at_ms"),
    Index(None, "station", "created_at_ms"),
    Index(None, "number"),
    Index(None, "updated_idx"),
    Index(None, "callback_state", "closed_at_ms"),
    Index(None, "ended_at_ms"),
    Index(None, "feedback_state", "review_due_ms"),
    Index(None, "ladder"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    # In the key: whoever issues an order on an incident of their own under the id of somebody
    # else's order gets a row of their own and changes nothing there.
    Column("incident", LargeBinary, primary_key=True),
    Column("to_kind", Text, nullable=False),  # unit, person, vehicle
    Column("to_id", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),  # dispatch, backup, advisory
    Column("round", BigInteger, nullable=False),
    Column("issued_at_ms", BigInteger, nullable=False),
    Column("issued_by", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("return_requested", Boolean, nullable=False),
    Column("delivered_at_ms", BigInteger),
    Column("signed_at_ms", BigInteger),
    Column("departed_at_ms", BigInteger),
    Column("arrived_at_ms", BigInteger),
    Column("cleared_at_ms", BigInteger),
    Column("feedback_at_ms", BigInteger),
    Index(None, "incident"),
    Index(None, "to_id", "open"),
)

# The countdowns of DL that run for somebody who can still act and those that were done, one row each, so that a wall
# is a few indexed reads.
deadlines = Table(
    "deadlines",
    metadata,
    Column("incident", LargeBinary, primary_key=True),
    Column("deadline", Text, primary_key=True),  # C1 ... C10
    Column("order_id", LargeBinary, primary_key=True),  # empty: of the incident itself
    Column("start_ms", BigInteger),
    Column("due_ms", BigInteger),
    Column("done_ms", BigInteger),
    Index(None, "deadline", "done_ms", "due_ms"),
)

# Who was urged: of each order, clock and channel the newest nudge.
nudges = Table(
    "nudges",
    metadata,
    Column("incident", LargeBinary, primary_key=True),
    Column("order_id", LargeBinary, primary_key=True),  # empty: of the incident itself
    Column("clock", Text, primary_key=True),  # empty: somebody did it, and not the plan
    Column("channel", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("person", LargeBinary, nullable=False),  # who did it; 16 zero bytes: the centre
    Column("reached", Boolean),  # null: nobody can say
)

# What was found of every clock (VD): as it was ruled where it is determined, else as it was judged last.
verdicts = Table(
    "verdicts",
    metadata,
    Column("incident", LargeBinary, primary_key=True),
    Column("clock", Text, primary_key=True),  # C1 ... C10
    Column("order_id", LargeBinary, primary_key=True),  # empty: of the incident itself
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "result", Text, nullable=False
    ),  # never overdue: pending, until time or a person says more
    Column("grade", BigInteger),
    Column("within_ms", BigInteger),
    Column("policy_row", LargeBinary),  # the version that judged; null: the defaults
    Column("policy_idx", BigInteger, nullable=False),
    Column("start_op", LargeBinary),  # 17 bytes: the statements it rests on
    Column("start_at_ms", BigInteger),
    Column("end_op", LargeBinary),
    Column("elapsed_lo_ms", BigInteger),
    Column("elapsed_hi_ms", BigInteger),
    Column("why", Text, nullable=False),  # codes, with spaces between
    Column("ruled", Text),  # the finding that was last written down
    Column("ruled_idx", BigInteger),
    Column("ruled_at_ms", BigInteger),
    Column("override_result", Text),  # what a person found, beside it
    Column("override_by", LargeBinary),
    Column("override_why", Text),
    Column("override_at_ms", BigInteger),
    Column("station", LargeBinary),
    Column("to_kind", Text),
    Column("to_id", LargeBinary),
    Column("tier", BigInteger),
    Column("zone", LargeBinary),
    Column("exercise", Boolean, nullable=False),
    Index(None, "clock", "start_at_ms"),
)

incident_scopes = Table(
    "incident_scopes",
    metadata,
    Column("incident", LargeBinary, primary_key=True),
    Column("scope", BigInteger, ForeignKey("scopes.id"), primary_key=True),
    Column("place", BigInteger, nullable=False),  # 0: its home
)

# The organisation as `org` rulings leave it: few thousand rows, read whole into memory.
org_rows = Table(
    "org_rows",
    metadata,
    Column("what", Text, primary_key=True),  # people, units, stations, ...
    Column("id", LargeBinary, primary_key=True),
    Column("idx", BigInteger, nullable=False),  # the ruling that wrote it
    Column("bytes", LargeBinary, nullable=False),  # canonical bytes of the row
)

# Sets that a person should look at: held, rejected or unread, or from a phone in other hands. How
# each stands is said by its newest ruling; a row stays when somebody has decided.
doubts = Table(
    "doubts",
    metadata,
    Column("arrival_no", Key, primary_key=True, autoincrement=False),
    Column("set_id", LargeBinary, nullable=False, unique=True),
    Column("chain", LargeBinary, nullable=False),
    Column("entity", LargeBinary),  # null while it cannot be read
    Column("person", LargeBinary),  # who acted; null while it cannot be read
    Column("kind", Text, nullable=False),  # held, rejected, opaque, compromised: why it is here
    Column("open", Boolean, nullable=False),  # nobody has decided yet
    Index(None, "open", "kind", "arrival_no"),
    Index(None, "entity"),
)

# Every later ruling on such a set in its order: questions and decisions.
remarks = Table(
    "remarks",
    metadata,
    Column("arrival_no", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
)

# Which `org` rulings were about a person: what somebody was allowed at a time long gone (AU4).
grants = Table(
    "grants",
    metadata,
    Column("person", LargeBinary, primary_key=True),
    Column("idx", BigInteger, primary_key=True),
)

incident_numbers = Table(
    "incident_numbers",
    metadata,
    Column("day", Text, primary_key=True),  # YYMMDD, Asia/Shanghai
    Column("last", BigInteger, nullable=False),
)

# ---- people, sessions, imports, effects --------------------------------------------------------

# Lists of overdue feedback as they stood at a moment. Never changed: what came later is told beside.
cutoffs = Table(
    "cutoffs",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("author", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),  # 32 bytes, over `bytes`
    Column("n", BigInteger, nullable=False),  # rows in it, drills left out
    Column("bytes", LargeBinary, nullable=False),  # canonical
    Index(None, "at_ms"),
)

# What one shift told the next. What was open stays as it was written; only who took it over is added.
handovers = Table(
    "handovers",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("seat", LargeBinary, nullable=False),  # a station; empty: the centre
    Column("at_ms", BigInteger, nullable=False),
    Column("author", LargeBinary, nullable=False),
    Column("text", Text, nullable=False),
    Column("open", BigInteger, nullable=False),  # incidents that went on, drills left out
    Column("bytes", LargeBinary, nullable=False),  # canonical: counts, and which they were
    Column("taken_at_ms", BigInteger),
    Column("taken_by", LargeBinary),
    Index(None, "seat", "at_ms"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("person", LargeBinary, primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("changed_at_ms", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("person", LargeBinary, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),  # of the last request, to the minute
    Column("expires_at_ms", BigInteger, nullable=False),
    Index(None, "person"),
    Index(None, "expires_at_ms"),
)

enrol_codes = Table(
    "enrol_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("person", LargeBinary),  # whose device it enrols
    Column("station", LargeBinary),  # or which station
    Column("created_by", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger),
    Column("chain", LargeBinary),  # the device it enrolled
    Index(None, "expires_at_ms"),
)

imported_orders = Table(
    "imported_orders",
    metadata,
    Column("source", Text, primary_key=True),
    Column("source_no", Text, primary_key=True),
    Column("incident", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("facts", LargeBinary, nullable=False),  # canonical {field: [op id, value]} as imported
    Column("imported_at_ms", BigInteger, nullable=False),
    Index(None, "incident"),
)

# Where a device's Web Push messages go. A row goes with its device, or when the service says that it is gone.
push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("chain", LargeBinary, primary_key=True),
    Column("endpoint", Text, nullable=False, unique=True),
    Column("p256dh", LargeBinary, nullable=False),
    Column("auth", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("succeeded_at_ms", BigInteger),  # when the service took a message last
    Column("refusals", BigInteger, nullable=False),  # in a row
)

# When an incident must be looked at again, at the earliest; one row for each reason.
timers = Table(
    "timers",
    metadata,
    Column("entity", LargeBinary, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),  # of a claimed one: the end of the claim
    Column("holder", LargeBinary),  # 16 bytes of whoever claimed it last; null: nobody
    Index(None, "kind", "at_ms"),
)

# Effects decided with a batch and performed after its commit; the next batch deletes them.
effects = Table(
    "effects",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)
