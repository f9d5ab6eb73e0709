"""Rules for sentence-transformers: the kind of model, which one of its files names. Pure."""

from __future__ import annotations

from registry.decision import Candidate, Decision, Evidence
from registry.rules.context import RuleContext, decision_of
from registry.rules.observed import text
from registry.rules.required_files import MODULES, SENTENCE_TRANSFORMERS_CONFIG
from registry.rules.task import choose_task
from registry.rules.transformers import primary_architecture


def decide_sentence_transformers(asked: RuleContext) -> Decision:
    """By the kind of model, which one of its files names."""
    registry = asked.registry
    kind, saw = _sentence_kind(asked)
    default, *tasks = registry.sentence_kinds[kind]
    others = [task for task in tasks if task != default]
    choice = choose_task((*others, default), origin=f"a {kind}", tag=asked.tag, asked=asked.task, registry=registry)
    return decision_of(
        asked,
        choice,
        kind,
        architecture=primary_architecture(asked),
        candidates=tuple(
            Candidate(task=task, model_class=kind)
            for task in (default, *others)
            if task not in (choice.task, choice.base)
        ),
        evidence=(Evidence(rule="model class", saw=saw, said=kind),),
    )


def _sentence_kind(asked: RuleContext) -> tuple[str, str]:
    seen, registry = asked.seen, asked.registry
    named = text(seen.manifest(SENTENCE_TRANSFORMERS_CONFIG).get("model_type"))
    kind_named = registry.sentence_kind_aliases.get(named or "", named)
    if kind_named is not None and kind_named in registry.sentence_kinds:
        return kind_named, f"{SENTENCE_TRANSFORMERS_CONFIG}: model_type {named}"
    content = seen.facts.commit.files.get(MODULES)
    modules = content.content if content is not None and isinstance(content.content, list) else []
    for module in modules:
        module_type = text(module.get("type")) if isinstance(module, dict) else None
        for namespace, kind in registry.sentence_namespaces.items():
            if module_type is not None and module_type.startswith(namespace):
                return kind, f"{MODULES}: {module_type}"
    tags = set(seen.hints.tags)
    for tag, kind in (
        ("cross-encoder", "CrossEncoder"),
        ("sparse-encoder", "SparseEncoder"),
        ("ColBERT", "MultiVectorEncoder"),
    ):
        if tag in tags:
            return kind, f"tag {tag}"
    for architecture in seen.architectures:
        if architecture in registry.sentence_kind_aliases:
            return registry.sentence_kind_aliases[architecture], f"architecture {architecture}"
    has_modules = MODULES in seen.names or SENTENCE_TRANSFORMERS_CONFIG in seen.names
    if not has_modules and any(name.endswith("ForSequenceClassification") for name in seen.architectures):
        return "CrossEncoder", "a classification head without modules.json"
    return "SentenceTransformer", "no file names another kind"
