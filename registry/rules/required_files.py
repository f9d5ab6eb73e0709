"""Which small files of a repo can still change the decision about it. Pure."""

from __future__ import annotations

from registry.facts import CONFIG, CommitFacts, HubHints

MODEL_INDEX = "model_index.json"
MODULAR_MODEL_INDEX = "modular_model_index.json"
ADAPTER_CONFIG = "adapter_config.json"
SENTENCE_TRANSFORMERS_CONFIG = "config_sentence_transformers.json"
MODULES = "modules.json"

_SENTENCE_TRANSFORMERS_KINDS = {"cross-encoder", "sparse-encoder", "multi-vector"}
"""Tags by which a sentence-transformers repo says its kind (6.2, model_card.py of each kind)."""


def files_wanted(commit: CommitFacts, hints: HubHints, *, lean: bool = False) -> tuple[str, ...]:
    """Paths of JSON files that were not asked for yet and that `decide` would read, in a fixed order; may be empty.

    With `lean`, `config.json` is wanted only where the Hub's extract does not settle the decision.
    """
    return tuple(path for path in _wanted(frozenset(commit.filenames), commit, hints, lean) if path not in commit.files)


def _wanted(names: frozenset[str], commit: CommitFacts, hints: HubHints, lean: bool) -> list[str]:
    wanted = []
    # A server that lists no files may still have some.
    if (CONFIG in names or not names) and not (lean and is_settled_by_extract(names, hints)):
        wanted.append(CONFIG)
    if MODEL_INDEX in names and not _says(hints, "diffusers", "_class_name"):
        wanted.append(MODEL_INDEX)
    if MODULAR_MODEL_INDEX in names and MODEL_INDEX not in names:
        wanted.append(MODULAR_MODEL_INDEX)
    if ADAPTER_CONFIG in names and CONFIG not in names and not _says(hints, "peft", "base_model_name_or_path"):
        wanted.append(ADAPTER_CONFIG)
    if SENTENCE_TRANSFORMERS_CONFIG in names and not (lean and _says_its_kind(hints)):
        wanted.append(SENTENCE_TRANSFORMERS_CONFIG)
    if MODULES in names:
        if SENTENCE_TRANSFORMERS_CONFIG not in names:
            wanted.append(MODULES)
        if CONFIG not in names:
            wanted.extend(trunk_configs(names)[:1])
    return wanted


def _says_its_kind(hints: HubHints) -> bool:
    """Whether a sentence-transformers repo's tags tell its kind: every kind's own model card names it, but for the
    default one, whose card names the library and a task.
    """
    if _SENTENCE_TRANSFORMERS_KINDS & set(hints.tags):
        return True
    return hints.library_name == "sentence-transformers" and hints.pipeline_tag is not None


def trunk_configs(names: frozenset[str]) -> list[str]:
    """Paths of the config of a sentence-transformers repo's first module, in a folder such as "0_Transformer"."""
    return sorted(
        name for name in names if name.startswith("0_") and name.endswith("/config.json") and name.count("/") == 1
    )


def is_settled_by_extract(names: frozenset[str], hints: HubHints) -> bool:
    """Whether the Hub's extract says all that `config.json` would add to the decision."""
    if MODEL_INDEX in names and _says(hints, "diffusers", "_class_name"):
        return True
    extract = hints.extract
    return bool(extract.get("architectures")) and isinstance(extract.get("model_type"), str)


def _says(hints: HubHints, library: str, key: str) -> bool:
    inner = hints.extract.get(library)
    return isinstance(inner, dict) and bool(inner.get(key))
