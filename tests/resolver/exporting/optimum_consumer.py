"""Generates with optimum-onnx from a folder of exported graphs. Run it with a Python that has optimum-onnx.

python optimum_consumer.py FOLDER

FOLDER/request.json holds the name of the class, its options, the inputs and the options of `generate`; the generated
tokens are printed as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from optimum import onnxruntime


def generate(folder: Path) -> list[list[int]]:
    """The tokens that the class generates for the request in the folder, with cached keys and values."""
    request = json.loads((folder / "request.json").read_text("utf-8"))
    model = getattr(onnxruntime, request["class"]).from_pretrained(folder, local_files_only=True, **request["load"])
    if not model.can_use_cache:
        raise SystemExit("the graphs take no cached keys and values")
    inputs = {name: torch.tensor(value) for name, value in request["inputs"].items()}
    tokens: list[list[int]] = model.generate(**inputs, **request["generate"]).tolist()
    return tokens


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(generate(Path(sys.argv[1]))) + "\n")
