"""Importing the registry loads nothing slow, and no model library."""

from __future__ import annotations

import json
import subprocess
import sys

USE_ALL = """
import sys
import registry
before = set(sys.modules)
import json
for name in dir(registry):
    getattr(registry, name)
from registry.defaults import read_registry
shipped = read_registry()
shipped.digest()
registry.find_class("text-generation", shipped, model_type="llama")
print(json.dumps([sorted(before), sorted(sys.modules)]))
"""


def test_the_registry_loads_no_model_library_and_no_event_loop_and_starts_with_almost_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", USE_ALL], capture_output=True, text=True, check=True)
    at_import, after_use = (set(names) for names in json.loads(done.stdout))

    slow = {
        "torch",
        "transformers",
        "diffusers",
        "timm",
        "sentence_transformers",
        "peft",
        "numpy",
        "asyncio",
        "aiohttp",
    }
    assert not after_use & {*slow, "sqlalchemy", "huggingface_hub", "socket"}
    assert not at_import & {"dataclasses", "json", "difflib", "hashlib", "importlib.metadata"}


def test_every_public_name_is_there() -> None:
    import registry

    assert all(getattr(registry, name) is not None for name in dir(registry))
