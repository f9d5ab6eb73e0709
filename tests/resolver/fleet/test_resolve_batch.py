"""`ResolveBatch` as Ray calls it: an Arrow table in, the same rows with an answer out."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from resolver import Settings
from resolver.errors import UnknownTaskError
from resolver.fleet import ResolveBatch
from resolver.frames import build_arrow_schema
from resolver.local_hub import LocalHub
from resolver.row import ROW_KEYS
from store.errors import StoreError
from tests.ports import find_free_port
from tests.resolver.support import catalog_of

pyarrow = pytest.importorskip("pyarrow")

BERT: dict[str, Any] = {
    "id": "acme/bert",
    "sha": "a" * 40,
    "config": {"architectures": ["BertForMaskedLM"], "model_type": "bert"},
    "siblings": ["config.json", "model.safetensors"],
}


@pytest.fixture
def batch(tmp_path: Path) -> Any:
    """Ids, one of them twice, one of a missing repo, and values that are no ids."""
    ids = ["acme/bert", None, "acme/missing", "../etc", "acme/bert"]
    return pyarrow.table({"model": ids, "n": range(len(ids)), "task": ["mine"] * len(ids)})


async def call(settings: Settings, batch: Any, **options: Any) -> Any:
    import asyncio

    resolve = ResolveBatch(settings, "model", **options)
    try:
        return await asyncio.to_thread(resolve, batch)
    finally:
        await asyncio.to_thread(resolve.close)


async def test_every_row_gets_an_answer_and_keeps_its_columns(batch: Any, tmp_path: Path) -> None:
    async with LocalHub(catalog_of(BERT)) as hub:
        settings = Settings(endpoint=hub.endpoint, store=tmp_path / "store.sqlite3", token=False)
        answered = await call(settings, batch)
        empty = await call(settings, batch.slice(0, 0))

    assert answered.column_names == ["model", "n", *ROW_KEYS] == empty.column_names
    assert (
        answered.schema == pyarrow.schema([*batch.select(["model", "n"]).schema, *build_arrow_schema()]) == empty.schema
    )
    assert (answered.num_rows, empty.num_rows) == (5, 0)
    assert answered["n"].to_pylist() == [0, 1, 2, 3, 4]
    assert answered["task"].to_pylist() == ["fill-mask", None, None, None, "fill-mask"]
    codes = [error and error["code"] for error in answered["error"].to_pylist()]
    assert codes == [None, "invalid_repo_id", "repo_not_found", "invalid_repo_id", None]


async def test_wrong_calls_are_errors(batch: Any, tmp_path: Path) -> None:
    settings = Settings(endpoint="http://127.0.0.1:1", store=tmp_path / "store.sqlite3", token=False)
    with pytest.raises(KeyError):
        await call(settings, batch.rename_columns(["other", "n", "task"]))
    with pytest.raises(UnknownTaskError):
        await call(settings, batch, task="no-such-task")
    (tmp_path / "text").write_text("not a folder")
    with pytest.raises(StoreError):
        await call(Settings(store=tmp_path / "text" / "store.sqlite3", token=False), batch)


async def test_without_its_database_a_batch_is_answered_all_the_same(batch: Any) -> None:
    store = f"postgresql+asyncpg://someone@127.0.0.1:{find_free_port()}/nowhere"
    async with LocalHub(catalog_of(BERT)) as hub:
        answered = await call(Settings(store=store, endpoint=hub.endpoint, token=False), batch)
    assert answered["task"].to_pylist() == ["fill-mask", None, None, None, "fill-mask"]


def test_what_is_sent_to_a_worker_holds_no_token() -> None:
    assert b"hf_secret" not in pickle.dumps((ResolveBatch, (Settings(token="hf_secret"), "model")))
