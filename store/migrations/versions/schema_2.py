"""Schema 2: a digest in every row, indexes of refs by repo, counts of look-ups, and better compressed bodies.

It defines its own tables and columns: `store.tables` has those of the newest schema only.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from alembic import op

from registry.facts import CommitFacts, HubHints
from store import codec
from store.keys import FactsKey
from store.rows import compute_digest

revision = "2"
down_revision = "1"

logger = logging.getLogger("store.database.schema")

ROWS_PER_PAGE = 1_000
"""Rows that are read and rewritten at once."""

T = TypeVar("T", CommitFacts, HubHints)

facts = sa.table(
    "facts",
    *map(sa.column, ("id", "key", "endpoint", "canonical_id", "commit_hash", "scope", "files_asked", "body", "digest")),
)
refs = sa.table(
    "refs",
    *map(sa.column, ("id", "key", "endpoint", "repo_id", "revision", "scope", "facts_id", "canonical_id")),
    *map(sa.column, ("commit_hash", "problem", "hints_id", "pipeline_tag", "library_name", "hints", "checked_at")),
    sa.column("digest"),
)
DICTIONARY = (
    b'"model.safetensors.index.json","pytorch_model.bin.index.json","flax_model.msgpack","tf_model.h5","rust_model.ot",'
    b'"onnx/model.onnx","diffusion_pytorch_model.safetensors","model_index.json","scheduler/scheduler_config.json",'
    b'"text_encoder/model.safetensors","text_encoder/config.json","unet/config.json","vae/config.json",'
    b'"1_Pooling/config.json","config_sentence_transformers.json","sentence_bert_config.json","modules.json",'
    b'"adapter_config.json","adapter_model.safetensors","added_tokens.json","chat_template.jinja","merges.txt",'
    b'"preprocessor_config.json","spiece.model","tokenizer.model","vocab.txt","vocab.json","pytorch_model-00001-of-0000'
    b'model-00001-of-0000","special_tokens_map.json","tokenizer_config.json","tokenizer.json","pytorch_model.bin",'
    b'"torch_dtype":"float32","bfloat16","transformers_version":"4.","vocab_size":"hidden_size":"num_attention_heads":'
    b'"num_hidden_layers":"intermediate_size":"max_position_embeddings":"architecture":"pretrained_cfg":"num_classes":'
    b'sentence_transformers","sentence-transformers","diffusers","timm","gguf","peft","sentence-similarity",'
    b'"feature-extraction","text-classification","text2text-generation","image-classification","image-text-to-text",'
    b'"automatic-speech-recognition","fill-mask","token-classification","AutoModelForSequenceClassification",'
    b'"AutoModelForSeq2SeqLM","base_model:quantized:","base_model:finetune:","license:apache-2.0","license:mit",'
    b'"endpoints_compatible","region:us","conversational","text-generation-inference","pytorch","safetensors",'
    b'{"pipeline_tag":null,"library_name":"transformers","tags":["transformers","pytorch","safetensors"],"gated":null,'
    b'"private":false,"disabled":false,"extract":{"architectures":["ForCausalLM"],"model_type":"llama"},"auto_model":'
    b'"AutoModelForCausalLM","auto_task":"text-generation","gguf_architecture":null}'
    b'{"filenames":[".gitattributes","README.md","config.json","generation_config.json","model.safetensors"],'
    b'"files":{"config.json":{"state":"read","content":{"architectures":["LlamaForCausalLM"],"model_type":"llama"},'
    b'"problem":null},"state":"absent","content":null,"problem":null}}}'
    b'{"library":"transformers","task":"text-generation","framework":"pt","weights":["pt"],"model_type":"llama",'
    b'"architecture":"LlamaForCausalLM","model_class":"AutoModelForCausalLM","requires_remote_code":false,'
    b'"conflict":false,"undecided":null,"candidates":[],"base_models":[],"notes":[],"evidence":[{"rule":"library",'
    b'"saw":"config.json","said":"transformers"},{"rule":"framework","saw":"model.safetensors","said":"pt"}]}'
)
"""The preset dictionary of all bodies in schema 1."""


def upgrade() -> None:
    """Add digests to all rows and compress their bodies anew; rows that cannot be read are deleted."""
    for table in ("facts", "refs", "decisions"):
        op.add_column(table, sa.Column("digest", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "lookups",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hits", sa.BigInteger, nullable=False),
        sa.Column("misses", sa.BigInteger, nullable=False),
    )
    _rewrite(facts, ("body", "digest"), _convert_facts)
    _rewrite(refs, ("hints_id", "hints", "digest"), _convert_ref)
    op.execute(refs.update().where(refs.c.facts_id.not_in(sa.select(facts.c.id))).values(facts_id=None))
    # Decisions refer to hints by a hash of their body, which has changed. They are made again from facts when needed.
    op.execute("DELETE FROM decisions")
    op.create_index("refs_by_repo_id", "refs", [sa.text("substr(repo_id, -8)")])
    has_other_id = sa.text("canonical_id IS NOT NULL")
    op.create_index(
        "refs_by_canonical_id", "refs", ["canonical_id"], sqlite_where=has_other_id, postgresql_where=has_other_id
    )


def _rewrite(
    table: sa.TableClause, columns: tuple[str, ...], convert: Callable[[Mapping[str, Any]], tuple[Any, ...]]
) -> None:
    """Set `columns` of every row to the result of `convert` for the row, page by page."""
    connection, last_id = op.get_bind(), 0
    page = sa.select(table).order_by(table.c.id).limit(ROWS_PER_PAGE)
    update = table.update().where(table.c.id == sa.bindparam("row_id"))
    update = update.values({column: sa.bindparam(f"new_{column}") for column in columns})
    while rows := connection.execute(page.where(table.c.id > last_id)).mappings().all():
        last_id, converted, unreadable_ids = rows[-1]["id"], [], []
        for row in rows:
            try:
                values = zip(columns, convert(dict(row)), strict=True)
            except (zlib.error, ValueError) as error:
                logger.warning("row %d of %s cannot be read and is deleted: %s", row["id"], table.name, error)
                unreadable_ids.append(row["id"])
                continue
            converted.append({"row_id": row["id"], **{f"new_{column}": value for column, value in values}})
        if converted:
            connection.execute(update, converted)
        if unreadable_ids:
            connection.execute(table.delete().where(table.c.id.in_(unreadable_ids)))


def _convert_facts(row: Mapping[str, Any]) -> tuple[bytes, int]:
    """New body and digest of a row."""
    body = codec.encode(_decode(CommitFacts, row["body"]))
    columns = ("key", "endpoint", "canonical_id", "commit_hash", "scope", "files_asked")
    return body, compute_digest((*(row[name] for name in columns), body))


def _convert_ref(row: Mapping[str, Any]) -> tuple[int, bytes, int]:
    """New hints id, hints and digest of a row."""
    hints = codec.encode(_decode(HubHints, row["hints"]))
    hints_id = codec.compute_hints_id(hints)
    facts_key = None
    if row["commit_hash"] is not None:
        canonical_id = row["canonical_id"] or row["repo_id"]
        facts_key = FactsKey(row["endpoint"], canonical_id, row["commit_hash"], row["scope"]).key
    before = (row[name] for name in ("key", "endpoint", "repo_id", "revision", "scope"))
    after = (row[name] for name in ("canonical_id", "commit_hash", "problem"))
    values = (*before, facts_key, *after, hints_id, row["pipeline_tag"], row["library_name"], hints, row["checked_at"])
    return hints_id, hints, compute_digest(values)


def _decode(kind: type[T], body: bytes) -> T:
    inflate = zlib.decompressobj(-15, zdict=DICTIONARY)
    return msgspec.json.decode(inflate.decompress(body), type=kind)
