"""The views `answers` and `answers_private`, which other programs read: one row for each endpoint, repo and revision.

Their columns are the keys of an answer's row, after the endpoint; then `decided_by`, 16 hex digits that stand for the
rules (`DecisionKey.rules_id`). Lists are JSON texts. What only a request can say is null: `partial`, `stale`.

SQLite keeps the text of a view, and a store with a view of another text is refused: a change of a view needs a new
`tables.SCHEMA_VERSION`, and the texts of earlier schemas for the stores that have them.
"""

from __future__ import annotations

from collections.abc import Mapping

from store.keys import PUBLIC

ANSWERS, ANSWERS_PRIVATE = "answers", "answers_private"

_BODY = """\
  refs.endpoint,
  refs.repo_id,
  CASE WHEN refs.commit_hash IS NOT NULL THEN coalesce(refs.canonical_id, refs.repo_id) END AS canonical_id,
  refs.revision,
  refs.commit_hash,
  decided.library,
  decided.task,
  decided.framework,
  decided.weights,
  decided.model_type,
  decided.architecture,
  decided.model_class,
  refs.pipeline_tag,
  refs.library_name,
  decided.requires_remote_code,
  decided.conflict,
  decided.undecided,
  'store' AS source,
  {error} AS error,
  decided.ambiguous,
  decided.candidates,
  decided.base_models,
  decided.notes,
  {null_text} AS partial,
  {checked_at} AS checked_at,
  {null_flag} AS stale,{size}
  {decided_by} AS decided_by{scope}
FROM refs
LEFT JOIN latest_decisions AS latest ON latest.facts_id = refs.facts_id AND latest.hints_id = refs.hints_id
LEFT JOIN decision_columns AS decided ON decided.id = latest.columns_id
WHERE """

_SQLITE = {
    "null_text": "NULL",
    "null_flag": "NULL",
    "checked_at": "strftime('%Y-%m-%dT%H:%M:%SZ', refs.checked_at, 'unixepoch')",
    "decided_by": "CASE WHEN latest.registry_digest IS NOT NULL THEN printf('%016x', latest.registry_digest) END",
}
_POSTGRES = {
    "null_text": "NULL::text",
    "null_flag": "NULL::boolean",
    "checked_at": "to_char(to_timestamp(refs.checked_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    "decided_by": "lpad(to_hex(latest.registry_digest), 16, '0')",
}


_SIZE = "\n  refs.parameters,\n  refs.weight_bytes,"


def _build(parts: Mapping[str, str], size: str = _SIZE) -> dict[str, str]:
    public = _BODY.format(**parts, size=size, error=parts["null_text"], scope="")
    private = _BODY.format(**parts, size=size, error="refs.problem", scope=",\n  refs.scope")
    return {
        ANSWERS: f"CREATE VIEW {ANSWERS} AS SELECT\n{public}"
        f"refs.scope = '{PUBLIC}' AND refs.problem IS NULL AND refs.commit_hash IS NOT NULL",
        ANSWERS_PRIVATE: f"CREATE VIEW {ANSWERS_PRIVATE} AS SELECT\n{private}refs.scope <> '{PUBLIC}'",
    }


SQLITE_VIEWS: Mapping[str, str] = _build(_SQLITE)
"""Name -> the statement that creates it, as SQLite keeps it."""

EARLIER_SQLITE_VIEWS: Mapping[str, str] = _build(_SQLITE, size="")
"""The same of schemas 4 to 7."""

POSTGRES_VIEWS: Mapping[str, str] = _build(_POSTGRES)
"""Name -> the statement that creates it."""
