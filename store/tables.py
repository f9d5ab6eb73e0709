"""Defines the SQLAlchemy tables. `codec` encodes and decodes the bodies in their columns.

Rows are found by `key`, a 64-bit hash (see `keys`): many are looked up by one list of integers, and the same ref or
commit has the same key in every store. The primary key is a row id in order of insertion: pages stay full, and rows
written together are stored together. A hash as primary key would scatter the rows over the whole file.

A change of a table needs a new `SCHEMA_VERSION` and a migration in `store/migrations/versions`. `views` has what other
programs read.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    text,
)

metadata = MetaData()

SCHEMA_VERSION = 8
"""The version of the tables and of the bodies in them."""

ROWS_SCHEMA = 8
"""The last schema that changed facts, refs, decisions or their bodies: bundles of all later ones are alike."""

ROWS_SCHEMA_WITHOUT_SIZE = 2
"""The one before: refs had no size of the weights. Its bundles are read too."""

_ROW_ID = BigInteger().with_variant(Integer, "sqlite")
_SECONDS = Integer().with_variant(BigInteger, "postgresql")


def _build_digest_column() -> Column[int]:
    """A checksum of the row's other values, as `rows.compute_digest` computes it: it detects damage."""
    return Column("digest", BigInteger, nullable=False, server_default="0")


def _build_size_columns() -> tuple[Column[int | None], ...]:
    """The size of the commit's weights as the Hub tells it; null where it does not."""
    return Column("parameters", BigInteger), Column("weight_bytes", BigInteger)


facts = Table(
    "facts",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("key", BigInteger, nullable=False, unique=True),
    Column("endpoint", String, nullable=False),
    Column("canonical_id", String, nullable=False),
    Column("commit_hash", String(40), nullable=False),
    Column("scope", String, nullable=False),
    # How much of the commit is known, as `rows.rank_facts` says: of two rows on one commit the higher one is kept.
    Column("files_asked", Integer, nullable=False),
    # CommitFacts, encoded by `codec`.
    Column("body", LargeBinary, nullable=False),
    _build_digest_column(),
)

refs = Table(
    "refs",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("key", BigInteger, nullable=False, unique=True),
    Column("endpoint", String, nullable=False),
    # As requested: may be an old name, or differ in case from facts.canonical_id.
    Column("repo_id", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("scope", String, nullable=False),
    # facts.id; null where the repo or revision is missing.
    Column("facts_id", _ROW_ID),
    # A copy of facts.canonical_id; null where it equals repo_id.
    Column("canonical_id", String),
    # A copy of facts.commit_hash: the most frequent query reads only this row and the decision.
    Column("commit_hash", String(40)),
    # Error code of a missing repo or revision; keys.TOMBSTONE where the repo is no longer public; else null.
    Column("problem", String),
    # A hash of the column `hints`, by which decisions refer to it.
    Column("hints_id", BigInteger, nullable=False),
    Column("pipeline_tag", String),
    Column("library_name", String),
    # HubHints, encoded by `codec`.
    Column("hints", LargeBinary, nullable=False),
    # Seconds since 1970, UTC.
    Column("checked_at", _SECONDS, nullable=False),
    *_build_size_columns(),
    _build_digest_column(),
    # The check that first found the ref as it is: this commit, these hints, this problem. 0: before schema 4. Not a
    # part of the digest: it is computed when the row is written.
    Column("changed_at", _SECONDS, nullable=False, server_default="0"),
)

TAIL = text("-8")
repo_tail = func.substr(refs.c.repo_id, TAIL)
"""The last eight characters of the repo id: nearly as selective as the whole id, in an index of a third of the size.

On PostgreSQL `substr` with a negative start returns the whole id.
"""
Index("refs_by_repo_id", repo_tail)
# All spellings of a name on PostgreSQL. SQLite finds them by the index of tails.
Index("refs_by_lower_repo_id", func.lower(refs.c.repo_id)).ddl_if(dialect="postgresql")
Index(
    "refs_by_canonical_id",
    refs.c.canonical_id,
    sqlite_where=refs.c.canonical_id.is_not(None),
    postgresql_where=refs.c.canonical_id.is_not(None),
)

decisions = Table(
    "decisions",
    metadata,
    Column("facts_id", _ROW_ID, primary_key=True, autoincrement=False),
    Column("hints_id", BigInteger, primary_key=True, autoincrement=False),
    # DecisionKey.rules_id: a hash of the Registry.digest() that decided.
    Column("registry_digest", BigInteger, primary_key=True, autoincrement=False),
    # DecisionKey.asked: the requested task and library as "task/library", either empty.
    Column("asked", String, primary_key=True),
    # Decision, encoded by `codec`.
    Column("body", LargeBinary, nullable=False),
    _build_digest_column(),
    sqlite_with_rowid=False,
)

decision_columns = Table(
    "decision_columns",
    metadata,
    # A hash of the other columns: equal decisions share one row.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    # The fields of Decision but for its evidence. Lists are JSON texts.
    *(Column(name, String) for name in ("library", "task", "framework")),
    Column("weights", String, nullable=False),
    *(Column(name, String) for name in ("model_type", "architecture", "model_class")),
    *(Column(name, Boolean, nullable=False) for name in ("requires_remote_code", "conflict", "ambiguous")),
    Column("undecided", String),
    *(Column(name, String, nullable=False) for name in ("candidates", "base_models", "notes")),
)

latest_decisions = Table(
    "latest_decisions",
    metadata,
    # The decision that was stored last on these facts and hints, where no task or library was requested.
    Column("facts_id", _ROW_ID, primary_key=True, autoincrement=False),
    Column("hints_id", BigInteger, primary_key=True, autoincrement=False),
    Column("registry_digest", BigInteger, nullable=False),
    # decision_columns.id
    Column("columns_id", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

ref_history = Table(
    "ref_history",
    metadata,
    # Rows of public refs to a commit, as they were before a check found something else. In order of `replaced_at`, but
    # for clocks that differ.
    Column("id", _ROW_ID, primary_key=True),
    # refs.key: the names are those of the ref.
    Column("key", BigInteger, nullable=False),
    Column("facts_id", _ROW_ID),
    Column("canonical_id", String),
    Column("commit_hash", String(40), nullable=False),
    Column("hints_id", BigInteger, nullable=False),
    Column("pipeline_tag", String),
    Column("library_name", String),
    Column("hints", LargeBinary, nullable=False),
    Column("checked_at", _SECONDS, nullable=False),
    *_build_size_columns(),
    # That of the ref.
    _build_digest_column(),
    Column("changed_at", _SECONDS, nullable=False),
    # The check that found something else.
    Column("replaced_at", _SECONDS, nullable=False),
)
Index("ref_history_by_key", ref_history.c.key)

HISTORY_S = 90 * 86_400
"""How long the rows of `ref_history` are kept."""

lookups = Table(
    "lookups",
    metadata,
    # Days since 1970, UTC.
    Column("day", Integer, primary_key=True, autoincrement=False),
    # Look-ups that the store answered, and look-ups that it did not.
    Column("hits", BigInteger, nullable=False),
    Column("misses", BigInteger, nullable=False),
)

registry_updates = Table(
    "registry_updates",
    metadata,
    Column("library", String, primary_key=True),
    Column("version", String, nullable=False),
    # The name of the wheel or folder that the tables were read from.
    Column("source", String, nullable=False),
    # Seconds since 1970, UTC.
    Column("read_at", _SECONDS, nullable=False),
    # The tables as JSON, compressed by zlib.
    Column("body", LargeBinary, nullable=False),
    _build_digest_column(),
    sqlite_with_rowid=False,
)

quotas = Table(
    "quotas",
    metadata,
    Column("endpoint", String, primary_key=True),
    # Whose quota it is: `keys.derive_quota_owner`.
    Column("owner", String, primary_key=True),
    Column("bucket", String, primary_key=True),
    # Requests of the window, null where the Hub did not say; and those that are not granted to a process yet.
    Column("quota", BigInteger),
    Column("remaining", BigInteger, nullable=False),
    # Seconds; times are in seconds since 1970, UTC, by the clock of the database.
    Column("window_s", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    # Until then one process tries whether a new window has begun.
    Column("probe_until", Double, nullable=False),
    # Another random number after each change: a process changes only the row that it has read.
    Column("version", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

listings = Table(
    "listings",
    metadata,
    Column("endpoint", String, primary_key=True),
    # keys.derive_scope of the token: another token sees another listing.
    Column("scope", String, primary_key=True),
    # Author, search and tags as JSON.
    Column("query", String, primary_key=True),
    # Of a run that was interrupted: the page to read next, the order of the listing, and when it began.
    Column("next_url", String),
    Column("sort", String),
    Column("started_at", _SECONDS),
    # Seconds since 1970, UTC: all changes until then are stored.
    Column("known_until", _SECONDS),
    _build_digest_column(),
    sqlite_with_rowid=False,
)

# Alembic's own table. On SQLite, user_version in the file's header has the same number and is read faster.
schema_version = Table("schema_version", metadata, Column("version_num", String(32), primary_key=True))
