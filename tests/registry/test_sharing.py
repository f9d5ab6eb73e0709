"""Cached decisions: shared between repos with equal inputs, and with no others."""

from __future__ import annotations

from registry.defaults import shipped_registry
from registry.extension import ArchitectureRow, Extension
from registry.rules.decide import decide
from registry.rules.transformers import MAX_SHARED_CHARS, _decide_by_architecture_cached
from tests.registry.repo_facts import repo


def test_a_repo_of_its_own_changes_nothing_for_those_alike() -> None:
    registry = shipped_registry()
    plain, expected = repo("BertForMaskedLM", "bert"), ("fill-mask", (), False)
    own_code = repo("BertForMaskedLM", "bert", auto_map={"AutoModelForMaskedLM": "modeling.Mine"})
    several = repo(["BertForMaskedLM", "BertForTokenClassification"], "bert", tag="fill-mask")
    for earlier in ((), (own_code,), (several,), (own_code, several)):
        for facts in earlier:
            assert decide(facts, registry).notes
        decision = decide(plain, registry)
        assert (decision.task, decision.notes, decision.ambiguous) == expected


def test_an_extended_registry_decides_anew() -> None:
    shipped, facts = shipped_registry(), repo("BertForMaskedLM", "bert")
    row = ArchitectureRow(architecture="BertForMaskedLM", task="text-ranking", model_type="bert")
    extended = shipped.extended(Extension(name="mine", architectures=(row,)))
    decisions = [decide(facts, registry) for registry in (shipped, extended, shipped)]
    served = [{decision.task, *(item.task for item in decision.candidates)} for decision in decisions]
    assert ["text-ranking" in tasks for tasks in served] == [False, True, False]


def test_a_decision_from_long_texts_of_a_repo_is_not_cached() -> None:
    registry = shipped_registry()
    misses = _decide_by_architecture_cached.cache_info().misses
    for model_type, tag in (("x" * MAX_SHARED_CHARS, "fill-mask"), ("bert", "y" * MAX_SHARED_CHARS)):
        assert decide(repo("BertForMaskedLM", model_type, tag=tag), registry).architecture == "BertForMaskedLM"
    assert _decide_by_architecture_cached.cache_info().misses == misses
    assert decide(repo("BertForMaskedLM", "of-no-such-model-type"), registry).architecture == "BertForMaskedLM"
    assert _decide_by_architecture_cached.cache_info().misses == misses + 1
