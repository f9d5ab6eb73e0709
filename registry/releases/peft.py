"""Reads the PEFT table from its source: task types with their tasks and classes, and the kinds of adapter.

Read from peft 0.21, `utils/peft_types.py` (`TaskType`, `PeftType`) and `auto.py` (the Auto classes).
"""

from __future__ import annotations

import ast

from registry.releases.sources import Source, find_classes

TASK_OF_AUTO_CLASS = {
    "AutoModel": "feature-extraction",
    "AutoModelForCausalLM": "text-generation",
    "AutoModelForQuestionAnswering": "question-answering",
    "AutoModelForSeq2SeqLM": "text2text-generation",
    "AutoModelForSequenceClassification": "text-classification",
    "AutoModelForTokenClassification": "token-classification",
}
"""The task of a base model's auto class, as transformers' own pipelines name it."""


def peft_table(source: Source) -> dict[str, object]:
    """The table for `peft.json`.

    `task_types` maps a `task_type` of `adapter_config.json` to its task, the class that loads base and adapter
    together, the PEFT class and the base model's class; an adapter without a task type is loaded by `default`.
    """
    peft_classes = _read_task_type_classes(source)
    loaders: dict[str, dict[str, str]] = {}
    for node in find_classes(source, "auto.py"):
        targets = {name: _find_value_name(inner) for inner in node.body for name in _find_targets(inner)}
        base, peft_class = targets.get("_target_class"), targets.get("_target_peft_class")
        if base and peft_class:
            loaders[peft_class] = {"model_class": node.name, "peft_class": peft_class, "base_class": base}
    task_types = {}
    for task_type in _read_members(source, "TaskType"):
        loader = loaders[peft_classes[task_type]]
        task_types[task_type] = {"task": TASK_OF_AUTO_CLASS[loader["base_class"]], **loader}
    return {
        "version": source.version,
        "default": {"model_class": "AutoPeftModel", "peft_class": "PeftModel"},
        "task_types": task_types,
        "peft_types": sorted(_read_members(source, "PeftType")),
    }


def _read_members(source: Source, name: str) -> list[str]:
    """The values of a string enum in `utils/peft_types.py`, in order."""
    node = next(node for node in find_classes(source, "utils/peft_types.py") if node.name == name)
    values = [inner.value for inner in node.body if isinstance(inner, ast.Assign)]
    members = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    if not members or len(members) != len(values):
        raise ValueError(f"peft {name}: a member is not a string")
    return members


def _read_task_type_classes(source: Source) -> dict[str, str]:
    """Task type -> PEFT class."""
    for node in ast.walk(ast.parse(source.read("auto.py"))):
        match node:
            case (
                ast.AnnAssign(target=ast.Name(id="MODEL_TYPE_TO_PEFT_MODEL_MAPPING"), value=ast.Dict() as table)
                | ast.Assign(targets=[ast.Name(id="MODEL_TYPE_TO_PEFT_MODEL_MAPPING")], value=ast.Dict() as table)
            ):
                pairs = zip(table.keys, table.values, strict=True)
                return {str(ast.literal_eval(key)): ast.unparse(value) for key, value in pairs if key is not None}
    raise ValueError("peft auto.py: MODEL_TYPE_TO_PEFT_MODEL_MAPPING was not found")


def _find_targets(statement: ast.stmt) -> list[str]:
    """The names that a statement assigns to."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _find_value_name(statement: ast.stmt) -> str | None:
    """The name on the right side of an assignment; None for any other statement."""
    value = statement.value if isinstance(statement, ast.Assign) else None
    return value.id if isinstance(value, ast.Name) else None
