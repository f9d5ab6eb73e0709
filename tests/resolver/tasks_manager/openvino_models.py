"""Exports tiny models to OpenVINO with our `TasksManager` put in before optimum-intel is imported, and runs them.

python openvino_models.py FOLDER [NAME ...]

Run it with a Python that has optimum-intel 2.2. It prints "close" for each model whose graph gives what PyTorch gives.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from tests import torchvision_beside_cpu_torch

torchvision_beside_cpu_torch.install()

import numpy as np  # noqa: E402  # after the stand-in for torchvision
import openvino  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

from resolver.tasks_manager import TasksManager  # noqa: E402

TASKS = {
    # Name -> (task, the file of the graph that is compared).
    "bert": ("text-classification", "openvino_model.xml"),
    "gpt2": ("text-generation-with-past", "openvino_model.xml"),
    "t5": ("text2text-generation-with-past", "openvino_encoder_model.xml"),
    "vit": ("image-classification", "openvino_model.xml"),
}
BATCH, LENGTH = 3, 7


def build_models() -> dict[str, Any]:
    """Tiny models with seeded random weights."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    t5 = transformers.T5Config(d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, vocab_size=99)
    t5.decoder_start_token_id = 0
    return {
        "bert": transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=99, **sizes)),
        "gpt2": transformers.GPT2LMHeadModel(
            transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=99, n_positions=64)
        ),
        "t5": transformers.T5ForConditionalGeneration(t5),
        "vit": transformers.ViTForImageClassification(transformers.ViTConfig(image_size=32, patch_size=8, **sizes)),
    }


def build_inputs(name: str) -> dict[str, Any]:
    """Inputs whose shapes differ from those that the exporter traces with."""
    generator = torch.Generator().manual_seed(1)
    if name == "vit":
        return {"pixel_values": torch.rand((BATCH, 3, 32, 32), generator=generator)}
    ids = torch.randint(2, 90, (BATCH, LENGTH), generator=generator)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def compare(name: str, model: Any, file: Path) -> float:
    """The largest difference between the graph's first output and PyTorch's."""
    inputs = build_inputs(name)
    with torch.no_grad():
        output = model.encoder(**inputs).last_hidden_state if name == "t5" else model(**inputs).logits
    ids = inputs.get("input_ids")
    extra = {} if ids is None else {"token_type_ids": torch.zeros_like(ids), "beam_idx": torch.arange(BATCH)}
    if ids is not None:
        extra["position_ids"] = torch.arange(LENGTH).expand(BATCH, LENGTH)
    compiled = openvino.Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    feeds = {}
    for item in compiled.inputs:
        feed = {**extra, **inputs}[item.get_any_name()].numpy()
        feeds[item.get_any_name()] = feed.astype(np.int32) if item.get_any_name() == "beam_idx" else feed
    found = compiled.create_infer_request().infer(feeds)[0]
    return float(np.abs(found - output.numpy()).max())


def main() -> None:
    # Before optimum-intel is imported: what it registers and writes then goes to our class.
    vars(importlib.import_module("optimum.exporters.tasks"))["TasksManager"] = TasksManager
    main_export = importlib.import_module("optimum.exporters.openvino").main_export
    folder, names = Path(sys.argv[1]), sys.argv[2:] or TASKS
    for name, model in build_models().items():
        if name not in names:
            continue
        task, file = TASKS[name]
        model.eval().save_pretrained(folder / name)
        main_export(str(folder / name), output=folder / f"{name}-out", task=task)
        difference = compare(name, model, folder / f"{name}-out" / file)
        sys.stdout.write(f"{'close' if difference < 1e-3 else f'not close: {difference}'} {name}\n")


if __name__ == "__main__":
    main()
