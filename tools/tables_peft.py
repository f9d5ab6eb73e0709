"""The PEFT table: task types with the task and class they stand for, and the kinds of adapter; read from the source.

Read from peft 0.21, `utils/peft_types.py` (`TaskType`, `PeftType`) and `auto.py` (the Auto classes).
"""

from __future__ import annotations

import ast

from tools.tables_sources import Source, classes_of

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
    together, the PEFT class and the base model's class; an adapter without one is loaded by `default`.
    """
    wrappers = _wrapper_of_task_type(source)
    loaders: dict[str, dict[str, str]] = {}
    for node in classes_of(source, "auto.py"):
        targets = {name: _name(inner) for inner in node.body for name in _assigned(inner)}
        base, wrapper = targets.get("_target_class"), targets.get("_target_peft_class")
        if base and wrapper:
            loaders[wrapper] = {"model_class": node.name, "peft_class": wrapper, "base_class": base}
    task_types = {}
    for task_type in _members(source, "TaskType"):
        loader = loaders[wrappers[task_type]]
        task_types[task_type] = {"task": TASK_OF_AUTO_CLASS[loader["base_class"]], **loader}
    return {
        "version": source.version,
        "default": {"model_class": "AutoPeftModel", "peft_class": "PeftModel"},
        "task_types": task_types,
        "peft_types": sorted(_members(source, "PeftType")),
    }


def _members(source: Source, name: str) -> list[str]:
    """The values of a string enum, in order."""
    node = next(node for node in classes_of(source, "utils/peft_types.py") if node.name == name)
    values = [inner.value for inner in node.body if isinstance(inner, ast.Assign)]
    members = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    if not members or len(members) != len(values):
        raise ValueError(f"peft {name}: a member is not a string")
    return members


def _wrapper_of_task_type(source: Source) -> dict[str, str]:
    for node in ast.walk(ast.parse(source.read("auto.py"))):
        match node:
            case (
                ast.AnnAssign(target=ast.Name(id="MODEL_TYPE_TO_PEFT_MODEL_MAPPING"), value=ast.Dict() as table)
                | ast.Assign(targets=[ast.Name(id="MODEL_TYPE_TO_PEFT_MODEL_MAPPING")], value=ast.Dict() as table)
            ):
                pairs = zip(table.keys, table.values, strict=True)
                return {str(ast.literal_eval(key)): ast.unparse(value) for key, value in pairs if key is not None}
    raise ValueError("peft auto.py: MODEL_TYPE_TO_PEFT_MODEL_MAPPING was not found")


def _assigned(statement: ast.stmt) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _name(statement: ast.stmt) -> str | None:
    value = statement.value if isinstance(statement, ast.Assign) else None
    return value.id if isinstance(value, ast.Name) else None
