"""Imports the class or function that a `ClassRef` names."""

from __future__ import annotations

import importlib
from typing import Any

from registry.class_ref import ClassRef
from registry.errors import UnknownNameError


def import_class(ref: ClassRef) -> Any:
    """The class or function that `ref` names.

    Raises:
        ImportError: its module cannot be imported.
        UnknownNameError: its module has no such name, or the name is None.
    """
    found: Any = importlib.import_module(ref.module)
    for part in ref.name.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise UnknownNameError(f"name in {ref.module}", ref.name, ())
    return found
