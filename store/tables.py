"""The SQLAlchemy tables. What their columns hold is turned into values by `codec`, not here.

Rows are found by `key`, a 64-bit hash of what they are about (see `keys`): many are looked up as a list of integers,
and the same knowledge has the same key in every store. The rows themselves stand in the order they came in, which
keeps pages full and writes together: hashes alone as primary keys would scatter every row over the whole file.

A change here is a new schema: raise `SCHEMA_VERSION` and add a migration to `store/migrations/versions`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, func, text

metadata = MetaData()

SCHEMA_VERSION = 2

_ROW_ID = BigInteger().with_variant(Integer, "sqlite")
_SECONDS = Integer().with_variant(BigInteger, "postgresql")


def _digest() -> Column[int]:
    """A hash of the row's other columns, as `digests` makes it, by which damage is told from knowledge."""
    return Column("digest", BigInteger, nullable=False, server_default="0")


facts = Table(
    "facts",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("key", BigInteger, nullable=False, unique=True),
    Column("endpoint", String, nullable=False),
    Column("canonical_id", String, nullable=False),
    Column("commit_hash", String(40), nullable=False),
    Column("scope", String, nullable=False),
    # How many small files were asked for: of two rows on one commit the one that knows more is kept.
    Column("files_asked", Integer, nullable=False),
    # CommitFacts, as codec.encode writes it.
    Column("body", LargeBinary, nullable=False),
    _digest(),
)

refs = Table(
    "refs",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("key", BigInteger, nullable=False, unique=True),
    Column("endpoint", String, nullable=False),
    # As asked: may be an old name, or differ in case from facts.canonical_id.
    Column("repo_id", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("scope", String, nullable=False),
    # facts.id; null where the repo or revision is known to be missing.
    Column("facts_id", _ROW_ID),
    # As in the facts; null where it is repo_id.
    Column("canonical_id", String),
    # As in the facts: the most frequent look-up needs no more than this row and the decision.
    Column("commit_hash", String(40)),
    # Error code of a repo or revision known to be missing, keys.WITHDRAWN for what is no longer public, else null.
    Column("problem", String),
    # A hash of all hints, the key that decisions name them by.
    Column("hints_id", BigInteger, nullable=False),
    Column("pipeline_tag", String),
    Column("library_name", String),
    # HubHints, as codec.encode writes it.
    Column("hints", LargeBinary, nullable=False),
    # Seconds since 1970, UTC.
    Column("checked_at", _SECONDS, nullable=False),
    _digest(),
)

TAIL = text("-8")
repo_tail = func.substr(refs.c.repo_id, TAIL)
"""The end of the id, which tells repos apart nearly as well as all of it: an index of the whole takes three times as
much. (On PostgreSQL, where a beginning before the text means all of it, it is the id itself.)
"""
Index("refs_by_repo_id", repo_tail)
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
    # Registry.digest() as it stood when this was decided.
    Column("registry_digest", BigInteger, primary_key=True, autoincrement=False),
    # Task and library that the caller asked for, "task/library"; both empty for none.
    Column("asked", String, primary_key=True),
    # Decision, as codec.encode writes it.
    Column("body", LargeBinary, nullable=False),
    _digest(),
    sqlite_with_rowid=False,
)

lookups = Table(
    "lookups",
    metadata,
    # Days since 1970, UTC.
    Column("day", Integer, primary_key=True, autoincrement=False),
    # How many look-ups the store answered, and how many it did not.
    Column("hits", BigInteger, nullable=False),
    Column("misses", BigInteger, nullable=False),
)

# The migration tool's own table; on SQLite the header's user_version says the same, and is quicker to read.
schema_version = Table("schema_version", metadata, Column("version_num", String(32), primary_key=True))
