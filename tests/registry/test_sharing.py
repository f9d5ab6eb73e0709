"""What one repo was decided on is shared with repos alike, and with no other."""

from __future__ import annotations

from registry.defaults import shipped_registry
from registry.extension import ArchitectureRow, Extension
from registry.rules.decide import decide
from registry.rules.transformers import LONGEST_SHARED, _decide_alike
from tests.registry.given import repo


def test_a_repo_of_its_own_changes_nothing_for_those_alike() -> None:
    registry = shipped_registry()
    plain, wanted = repo("BertForMaskedLM", "bert"), ("fill-mask", (), False)
    own_code = repo("BertForMaskedLM", "bert", auto_map={"AutoModelForMaskedLM": "modeling.Mine"})
    several = repo(["BertForMaskedLM", "BertForTokenClassification"], "bert", tag="fill-mask")
    for others in ((), (own_code,), (several,), (own_code, several)):
        for other in others:
            assert decide(other, registry).notes
        found = decide(plain, registry)
        assert (found.task, found.notes, found.ambiguous) == wanted


def test_an_extended_registry_decides_anew() -> None:
    shipped, facts = shipped_registry(), repo("BertForMaskedLM", "bert")
    row = ArchitectureRow(architecture="BertForMaskedLM", task="text-ranking", model_type="bert")
    extended = shipped.extended(Extension(name="mine", architectures=(row,)))
    found = [decide(facts, registry) for registry in (shipped, extended, shipped)]
    served = [{decision.task, *(item.task for item in decision.candidates)} for decision in found]
    assert ["text-ranking" in tasks for tasks in served] == [False, True, False]


def test_what_a_repo_says_at_length_is_not_kept() -> None:
    registry = shipped_registry()
    asked = _decide_alike.cache_info().misses
    for model_type, tag in (("x" * LONGEST_SHARED, "fill-mask"), ("bert", "y" * LONGEST_SHARED)):
        assert decide(repo("BertForMaskedLM", model_type, tag=tag), registry).architecture == "BertForMaskedLM"
    assert _decide_alike.cache_info().misses == asked
    assert decide(repo("BertForMaskedLM", "of-no-such-model-type"), registry).architecture == "BertForMaskedLM"
    assert _decide_alike.cache_info().misses == asked + 1
