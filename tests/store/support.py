"""Builds the records that tests of the store put, and recalls them."""

from __future__ import annotations

from pathlib import Path

from registry.defaults import shipped_registry
from registry.facts import CommitFacts, FileState, HubHints, RepoFacts, SmallFile
from registry.rules.decide import decide
from store.keys import DecisionKey, FactsKey, RefKey
from store.records import Record, StoredRef
from store.store import MetadataStore

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"

HUB = "https://hub.test"
REGISTRY = shipped_registry()
DECISION_KEY = DecisionKey(REGISTRY.digest())
FACTS = CommitFacts(
    filenames=("config.json",),
    files={"config.json": SmallFile(state=FileState.READ, content={"model_type": "bert", "odd": [None, 1.5, "é"]})},
)
HINTS = HubHints(pipeline_tag="fill-mask", tags=("a", "b"), extract={"model_type": "bert"})
DECISION = decide(RepoFacts(commit=FACTS, hints=HINTS), REGISTRY)
"""The decision of the rules in force on FACTS and HINTS."""


def make_record(name: str, commit: str = "a" * 40, *, checked_at_s: int = 100, scope: str = "") -> Record:
    """A record of a repo at its default branch, with facts and a decision."""
    return Record(
        ref_keys=(RefKey(HUB, name, "main", scope),),
        hints=HINTS,
        checked_at_s=checked_at_s,
        facts_key=FactsKey(HUB, name, commit, scope),
        facts=FACTS,
        decision_key=DECISION_KEY,
        decision=DECISION,
    )


async def recall_one(
    store: MetadataStore, name: str, *, decision_key: DecisionKey = DECISION_KEY, scope: str = ""
) -> StoredRef | None:
    """The ref of a repo at its default branch; None where the store has none."""
    (found,) = await store.recall(HUB, scope, [(name, "main")], decision_key)
    return found
