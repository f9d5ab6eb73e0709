"""Prints the public methods of a class as JSON: kind, and name, kind and default of each parameter. Stand-alone.

    python tools/class_interface.py optimum.exporters.tasks:TasksManager > tests/data/tasks_manager.json
    python tools/class_interface.py optimum.exporters.tasks:TasksManager --compare tests/data/tasks_manager.json

Both need a Python that has optimum; the second prints the differences from the record, and exits with 1 if any exist.
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


def read_interface(target: type) -> Interface:
    """Method name -> `kind` (staticmethod, classmethod or function) and `parameters`, sorted by name.

    A default is its `repr`; the path of the Hugging Face cache, which depends on the machine, is
    "HUGGINGFACE_HUB_CACHE".
    """
    from huggingface_hub.constants import HUGGINGFACE_HUB_CACHE

    found: Interface = {}
    for name in sorted(name for name in dir(target) if not name.startswith("_")):
        raw = inspect.getattr_static(target, name)
        if not callable(getattr(target, name)):
            continue
        parameters = []
        for parameter in inspect.signature(getattr(target, name)).parameters.values():
            default: str | None = None
            if parameter.default is not parameter.empty:
                is_cache = parameter.default == HUGGINGFACE_HUB_CACHE
                default = "HUGGINGFACE_HUB_CACHE" if is_cache else repr(parameter.default)
            parameters.append({"name": parameter.name, "kind": parameter.kind.name, "default": default})
        found[name] = {"kind": type(raw).__name__, "parameters": parameters}
    return found


def find_differences(recorded: Interface, found: Interface) -> list[str]:
    """The methods of `recorded` that are missing or different in `found`, one line each; new methods are ignored."""
    lines = []
    for name, method in recorded.items():
        if name not in found:
            lines.append(f"{name} is missing")
        elif found[name] != method:
            lines.append(f"{name}: recorded {json.dumps(method)}, found {json.dumps(found[name])}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="package.module:Class")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="the recorded interface")
    options = parser.parse_args()
    module, _, name = options.target.partition(":")
    found = read_interface(getattr(importlib.import_module(module), name))
    if options.compare is None:
        json.dump(found, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return 0
    recorded = json.loads(options.compare.read_text("utf-8"))
    lines = [*find_differences(recorded, found), *(f"{name} is new" for name in found if name not in recorded)]
    sys.stdout.write("".join(f"{line}\n" for line in lines) or "as recorded\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
