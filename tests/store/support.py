"""Records that tests of the store put, and how they look for them."""

from __future__ import annotations

from pathlib import Path

from registry.decision import Decision, Evidence
from registry.facts import CommitFacts, FileState, HubHints, SmallFile
from store.keys import DecisionKey, FactsKey, RefKey
from store.records import Record, StoredRef
from store.store import MetadataStore

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"

HUB = "https://hub.test"
RULES = DecisionKey("rules 1")
DECISION = Decision(library="transformers", task="fill-mask", evidence=(Evidence(rule="r", saw="s", said="t"),))
FACTS = CommitFacts(
    filenames=("config.json",),
    files={"config.json": SmallFile(state=FileState.READ, content={"model_type": "bert", "odd": [None, 1.5, "é"]})},
)
HINTS = HubHints(pipeline_tag="fill-mask", tags=("a", "b"), extract={"model_type": "bert"})


def record(name: str, commit: str = "a" * 40, *, checked_at_s: int = 100, scope: str = "") -> Record:
    """A repo at its default branch, with facts and a decision."""
    return Record(
        ref_keys=(RefKey(HUB, name, "main", scope),),
        hints=HINTS,
        checked_at_s=checked_at_s,
        facts_key=FactsKey(HUB, name, commit, scope),
        facts=FACTS,
        decision_key=RULES,
        decision=DECISION,
    )


async def recall_one(
    store: MetadataStore, name: str, *, rules: DecisionKey = RULES, scope: str = ""
) -> StoredRef | None:
    """What the store knows of a repo at its default branch."""
    (found,) = await store.recall(HUB, scope, [(name, "main")], rules)
    return found
