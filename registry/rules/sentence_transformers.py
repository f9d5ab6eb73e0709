"""Decides kind, task and candidates of sentence-transformers repos. Pure."""

from __future__ import annotations

from registry.decision import Candidate, Decision, Evidence
from registry.rules.context import RuleContext, build_decision
from registry.rules.model_class import list_main_tasks
from registry.rules.observed import as_text
from registry.rules.required_files import MODULES, SENTENCE_TRANSFORMERS_CONFIG
from registry.rules.task import TaskQuestion, choose_task
from registry.rules.transformers import choose_architecture


def decide_sentence_transformers(context: RuleContext) -> Decision:
    """The decision by the kind of model (`SentenceTransformer`, `CrossEncoder`, ...)."""
    registry = context.registry
    kind, saw = _find_kind(context)
    default, *tasks = registry.sentence_kinds[kind]
    others = [task for task in tasks if task != default]
    architecture = choose_architecture(context)
    question = TaskQuestion(
        possible=(*others, default),
        origin=f"a {kind}",
        tag=context.tag,
        tagged=context.find_tagged_task(*list_main_tasks(context.observed.architectures, registry)),
        requested=context.task,
    )
    choice = choose_task(question, registry)
    return build_decision(
        context,
        choice,
        kind,
        architecture=architecture,
        candidates=tuple(
            Candidate(task=task, model_class=kind)
            for task in (default, *others)
            if task not in (choice.task, choice.base)
        ),
        evidence=(Evidence(rule="model class", saw=saw, said=kind),),
    )


def _find_kind(context: RuleContext) -> tuple[str, str]:
    """The kind of model, and the file, tag or architecture that names it; `SentenceTransformer` where none does."""
    observed, registry = context.observed, context.registry
    named = as_text(observed.get_manifest(SENTENCE_TRANSFORMERS_CONFIG).get("model_type"))
    kind_named = registry.sentence_kind_aliases.get(named or "", named)
    if kind_named is not None and kind_named in registry.sentence_kinds:
        return kind_named, f"{SENTENCE_TRANSFORMERS_CONFIG}: model_type {named}"
    content = observed.facts.commit.files.get(MODULES)
    modules = content.content if content is not None and isinstance(content.content, list) else []
    for module in modules:
        module_type = as_text(module.get("type")) if isinstance(module, dict) else None
        for namespace, kind in registry.sentence_namespaces.items():
            if module_type is not None and module_type.startswith(namespace):
                return kind, f"{MODULES}: {module_type}"
    tags = set(observed.hints.tags)
    for tag, kind in (
        ("cross-encoder", "CrossEncoder"),
        ("sparse-encoder", "SparseEncoder"),
        ("ColBERT", "MultiVectorEncoder"),
    ):
        if tag in tags:
            return kind, f"tag {tag}"
    for architecture in observed.architectures:
        if architecture in registry.sentence_kind_aliases:
            return registry.sentence_kind_aliases[architecture], f"architecture {architecture}"
    if registry.find_task(context.tag or context.find_tagged_task() or "") == "text-ranking":
        return "CrossEncoder", "tag text-ranking"
    has_modules = MODULES in observed.names or SENTENCE_TRANSFORMERS_CONFIG in observed.names
    if not has_modules and any(name.endswith("ForSequenceClassification") for name in observed.architectures):
        return "CrossEncoder", "a classification head without modules.json"
    return "SentenceTransformer", "no file names another kind"
