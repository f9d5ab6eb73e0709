"""Finds the code that a diffusers pipeline names in `model_index.json`. Pure.

Releases differ in what they do with a name that is not one of the libraries': some import it, some run a file of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from registry.rules.named_code.findings import NamedCode
from registry.rules.required_files import MODEL_INDEX
from registry.tables.named_code import COMPONENT_LIBRARIES, PIPELINE_MODULES

_CODE_OF_NO_NAME = "None.py"
"""diffusers looks for the file of a custom pipeline even where none is named (`_resolve_custom_pipeline_and_cls`)."""


def find_component_code(index: Mapping[str, Any], filenames: Collection[str]) -> NamedCode:
    """The custom classes, modules and paths that the index names, as pipeline class and as components."""
    code, elsewhere = [], []
    class_name = index.get("_class_name")
    if isinstance(class_name, list) and class_name:
        code.append(f"{class_name[0]}.py")
    elif isinstance(class_name, str) and not class_name.isidentifier():
        code.append(f"{class_name} ({MODEL_INDEX})")
    if _CODE_OF_NO_NAME in filenames:
        code.append(_CODE_OF_NO_NAME)
    for name, value in index.items():
        if name.startswith("_") or not isinstance(value, (list, str)) or len(value) < 2:
            continue
        # Text of two characters unpacks as a pair too; expected parameters may be longer text, or lists of numbers.
        if (isinstance(value, str) and len(value) > 2) or not any(isinstance(item, str) for item in value):
            continue
        if not name.isidentifier():
            elsewhere.append(f"{name} ({MODEL_INDEX})")
        finding = _find_class_code(name, value[0], value[1], filenames)
        code += [finding] if finding is not None else []
        elsewhere += [f"{repo} ({MODEL_INDEX}: {name})" for repo in _list_repos(value[2:])]
    return NamedCode(code=tuple(code), elsewhere=tuple(elsewhere))


def _find_class_code(component: str, library: object, class_name: object, filenames: Collection[str]) -> str | None:
    """What runs for one component; None where the class is one of the libraries' own."""
    file = f"{component}/{library}.py"
    if file in filenames:
        return file
    if library is None and (class_name is None or isinstance(class_name, str)):
        return None
    is_known = isinstance(library, str) and (library in COMPONENT_LIBRARIES or library in PIPELINE_MODULES)
    if is_known and isinstance(class_name, str) and class_name.isidentifier():
        return None
    return f"{library}.{class_name} ({MODEL_INDEX}: {component})"


def _list_repos(specs: Any) -> list[str]:
    """The repos in the third value of a component of a modular pipeline."""
    found = [
        spec.get(key) for spec in specs if isinstance(spec, dict) for key in ("repo", "pretrained_model_name_or_path")
    ]
    return [name for name in found if isinstance(name, str) and name]
