"""Tells whether a few small files, read without the list of files, settle a decision. Pure.

The front matter of the model card and one file of the library that it names come by requests for files alone, where
requests for model info are short. They settle what the Hub's hints and the list of files would not change: a library
that the author names, whose own file is there. Converted weights keep the card and the config of their model, so they
are not settled so.
"""

from __future__ import annotations

from collections.abc import Mapping

from registry.facts import CONFIG, CommitFacts, FileState, HubHints, RepoFacts, SmallFile
from registry.registry import Registry
from registry.rules.library import decide_library
from registry.rules.model_class import find_served_tasks, is_native
from registry.rules.named_library import find_named_library
from registry.rules.observed import Observed, as_text, parse_architectures
from registry.rules.required_files import ADAPTER_CONFIG, MODEL_INDEX, MODULES, SENTENCE_TRANSFORMERS_CONFIG
from registry.tables.weights import CONVERTED

_OWN_FILES: Mapping[str, tuple[str, ...]] = {
    "diffusers": (MODEL_INDEX,),
    "peft": (ADAPTER_CONFIG,),
    "sentence_transformers": (SENTENCE_TRANSFORMERS_CONFIG, MODULES),
}
"""Library -> the files of its own, of which one tells task and class; of all others it is `config.json`."""

_WITHOUT_OWN_FILE = frozenset(CONVERTED.values()) | {"transformers_js"}
"""Libraries of converted weights: only the list of files shows which there are."""

_CONVERSION_TAG = "base_model:quantized:"


def list_telling_files(hints: HubHints, registry: Registry) -> tuple[str, ...]:
    """The files that may settle the decision on a repo with this card, until one is there; empty where none does."""
    library = _find_library(RepoFacts(commit=CommitFacts(), hints=hints), registry)
    if library is None or library in _WITHOUT_OWN_FILE:
        return ()
    return _OWN_FILES.get(library, (CONFIG,))


def is_settled_by_files(commit: CommitFacts, hints: HubHints, registry: Registry) -> bool:
    """Whether the files that were read tell library, task and class as the list of files and model info would."""
    if any(item.state not in (FileState.READ, FileState.ABSENT) for item in commit.files.values()):
        return False
    facts = RepoFacts(commit=commit, hints=hints)
    library = _find_library(facts, registry)
    if library is None or library in _WITHOUT_OWN_FILE:
        return False
    if decide_library(Observed(facts, find_named_library(facts, registry)), registry)[0] != library:
        # The files of the library that the author names are not among those that were read.
        return False
    if library in _OWN_FILES:
        return any(_is_read(commit.files.get(path)) for path in _OWN_FILES[library])
    config = commit.config
    if config is None or (
        "quantization_config" not in config and any(tag.startswith(_CONVERSION_TAG) for tag in hints.tags)
    ):
        return False
    return library != "transformers" or _is_known_model(config, registry)


def _find_library(facts: RepoFacts, registry: Registry) -> str | None:
    """The library that the card names, by `library_name` or a tag."""
    named = find_named_library(facts, registry)
    return registry.library_names.get(named.name.lower()) if named is not None else None


def _is_read(small_file: SmallFile | None) -> bool:
    return small_file is not None and small_file.state is FileState.READ


def _is_known_model(config: Mapping[str, object], registry: Registry) -> bool:
    """Whether transformers has the class of the config, so that no code of the repo's own is needed."""
    architectures, model_type = parse_architectures(config.get("architectures")), as_text(config.get("model_type"))
    known = [name for name in architectures if find_served_tasks(name, registry)]
    return bool(known) and (not config.get("auto_map") or is_native(known[0], model_type, registry))
