"""Generates with optimum-onnx from a folder of exported graphs. Run it with a Python that has optimum-onnx.

python optimum_consumer.py FOLDER

FOLDER/request.json holds the name of the class, the options of each way to load it, the inputs and the options of each
generation. The generated tokens are printed as JSON, by way to load and generation.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from optimum import onnxruntime

Tokens = list[list[int]]


def generate_all(folder: Path) -> list[list[Tokens]]:
    """The tokens that the class generates for the request in the folder, with cached keys and values."""
    request = json.loads((folder / "request.json").read_text("utf-8"))
    consumer = getattr(onnxruntime, request["class"])
    inputs = {name: torch.tensor(value) for name, value in request["inputs"].items()}
    models = [consumer.from_pretrained(folder, local_files_only=True, **options) for options in request["loads"]]
    return [[generate(model, inputs, options) for options in request["generations"]] for model in models]


def generate(model: Any, inputs: dict[str, Any], options: dict[str, Any]) -> Tokens:
    """The tokens that the model generates."""
    if not model.can_use_cache:
        raise SystemExit("the graphs take no cached keys and values")
    tokens: Tokens = model.generate(**inputs, **options).tolist()
    return tokens


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(generate_all(Path(sys.argv[1]))) + "\n")
