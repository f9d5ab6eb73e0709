"""The three SQLAlchemy tables. What their columns hold is turned into values by `codec`, not here.

Keys are 64-bit hashes of what the row is about (see `keys`), so a look-up of many rows is one search of integers,
no second index is needed, and the same knowledge has the same key in every store.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

facts = Table(
    "facts",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("endpoint", String, nullable=False),
    Column("canonical_id", String, nullable=False),
    Column("commit_hash", String(40), nullable=False),
    Column("scope", String, nullable=False),
    # CommitFacts, as codec.encode writes it.
    Column("body", LargeBinary, nullable=False),
)

refs = Table(
    "refs",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("endpoint", String, nullable=False),
    # As asked: may be an old name, or differ in case from facts.canonical_id.
    Column("repo_id", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("scope", String, nullable=False),
    # facts.id; null where the repo or revision is known to be missing.
    Column("facts_id", BigInteger),
    # As in the facts; null where it is repo_id.
    Column("canonical_id", String),
    # As in the facts: the most frequent look-up needs no more than this row and the decision.
    Column("commit_hash", String(40)),
    # Error code of a repo or revision known to be missing, else null.
    Column("problem", String),
    # A hash of all hints, the key that decisions name them by.
    Column("hints_id", BigInteger, nullable=False),
    Column("pipeline_tag", String),
    Column("library_name", String),
    # HubHints, as codec.encode writes it.
    Column("hints", LargeBinary, nullable=False),
    # Seconds since 1970, UTC.
    Column("checked_at", Integer, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("facts_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hints_id", BigInteger, primary_key=True, autoincrement=False),
    # Registry.digest() as it stood when this was decided.
    Column("registry_digest", BigInteger, primary_key=True, autoincrement=False),
    # Task and library that the caller asked for, "task/library"; both empty for none.
    Column("asked", String, primary_key=True),
    # Decision, as codec.encode writes it.
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
