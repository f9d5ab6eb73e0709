"""A plugin of hubresolve: it adds a library, which is recognised by a file of its own, and an architecture.

The entry point in `pyproject.toml` names `extension`. Nothing of the engine itself is imported.
"""

from __future__ import annotations

from registry import ArchitectureRow, Extension, Library

extension = Extension(
    name="toy-engine",
    libraries={
        "toy_engine": Library(
            names=("toy-engine",), files=("toy_engine.json",), tasks=("text-generation",), model_class="ToyEngine"
        )
    },
    architectures=(ArchitectureRow(architecture="ToyForCausalLM", task="text-generation", model_type="toy"),),
)
