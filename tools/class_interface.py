"""The public methods of a class, as JSON: kind, and name, kind and default of each parameter. Needs no other package.

    python tools/class_interface.py optimum.exporters.tasks:TasksManager > tests/data/tasks_manager.json
    python tools/class_interface.py optimum.exporters.tasks:TasksManager --compare tests/data/tasks_manager.json

Both run with a Python that has optimum; the second says what is not as recorded, and exits 1 where anything is.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

Interface = dict[str, dict[str, Any]]


def interface_of(described: type) -> Interface:
    """Method name -> `kind` (staticmethod, classmethod or function) and `parameters`, sorted by name.

    Defaults are shown as Python writes them; a path of the Hugging Face cache, which differs from machine to machine,
    as "HUGGINGFACE_HUB_CACHE".
    """
    from huggingface_hub.constants import HUGGINGFACE_HUB_CACHE

    found: Interface = {}
    for name in sorted(name for name in dir(described) if not name.startswith("_")):
        raw = inspect.getattr_static(described, name)
        if not callable(getattr(described, name)):
            continue
        parameters = []
        for parameter in inspect.signature(getattr(described, name)).parameters.values():
            default: str | None = None
            if parameter.default is not parameter.empty:
                is_cache = parameter.default == HUGGINGFACE_HUB_CACHE
                default = "HUGGINGFACE_HUB_CACHE" if is_cache else repr(parameter.default)
            parameters.append({"name": parameter.name, "kind": parameter.kind.name, "default": default})
        found[name] = {"kind": type(raw).__name__, "parameters": parameters}
    return found


def differences(recorded: Interface, found: Interface) -> list[str]:
    """What of `recorded` is missing or otherwise in `found`; further methods are none."""
    told = []
    for name, method in recorded.items():
        if name not in found:
            told.append(f"{name} is missing")
        elif found[name] != method:
            told.append(f"{name}: recorded {json.dumps(method)}, found {json.dumps(found[name])}")
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("described", help="package.module:Class")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="what was recorded")
    asked = parser.parse_args()
    module, _, name = asked.described.partition(":")
    found = interface_of(getattr(importlib.import_module(module), name))
    if asked.compare is None:
        json.dump(found, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return 0
    recorded = json.loads(asked.compare.read_text("utf-8"))
    told = [*differences(recorded, found), *(f"{name} is new" for name in found if name not in recorded)]
    sys.stdout.write("".join(f"{line}\n" for line in told) or "as recorded\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
