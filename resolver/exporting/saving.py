"""Saves an ONNX model, with its weights in a file beside it if they are too large for one file.

What torch notes about the origin of each node is left out.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

LARGEST_FILE_BYTES = 1536 * 1024 * 1024
"""The size of the weights up to which they are in the ONNX file, which protobuf limits to 2 GB."""


def save_model(model: Any, path: Path, largest_file_bytes: int = LARGEST_FILE_BYTES) -> None:
    """Write an `onnx_ir.Model` to `path`, and larger weights to a file with optimum's name for it: "_data" is added."""
    ir = importlib.import_module("onnx_ir")
    # Each node has the stack trace of the call that made it, with paths of this machine: half of a small file.
    importlib.import_module("onnx_ir.passes.common").ClearMetadataAndDocStringPass()(model)
    weights = (value.const_value for value in model.graph.initializers.values() if value.const_value is not None)
    is_large = sum(tensor.nbytes for tensor in weights) > largest_file_bytes
    ir.save(model, path, external_data=f"{path.name}_data" if is_large else None)
