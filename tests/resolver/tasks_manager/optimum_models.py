"""Makes tiny models, and compares exported graphs with PyTorch. Run it with a Python that has optimum.

python optimum_models.py make FOLDER
python optimum_models.py check MODEL FOLDER    (FOLDER/out holds the ONNX files)
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import transformers

BATCH, LENGTH = 3, 7
"""Shapes that differ from those that the exporter traces with."""


def make(folder: Path) -> None:
    """Save a model of each kind, with seeded random weights."""
    torch.manual_seed(0)
    bert = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=99, pad_token_id=0
    )
    gpt2 = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=99, n_positions=64)
    t5 = transformers.T5Config(d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, vocab_size=99)
    t5.decoder_start_token_id = 0
    models = {
        "bert": transformers.BertForSequenceClassification(bert),
        "gpt2": transformers.GPT2LMHeadModel(gpt2),
        "t5": transformers.T5ForConditionalGeneration(t5),
        # Exported without --task: its task follows from its architecture alone.
        "auto": transformers.BertForMaskedLM(bert),
    }
    for name, model in models.items():
        model.eval().save_pretrained(folder / name)


def check(model_folder: Path, exported: Path) -> None:
    """Print "close" if the graph and PyTorch give close results for `BATCH` and `LENGTH`."""
    config = transformers.AutoConfig.from_pretrained(model_folder)
    model = getattr(transformers, config.architectures[0]).from_pretrained(model_folder).eval()
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(2, 90, (BATCH, LENGTH), generator=generator)
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    file = exported / ("encoder_model.onnx" if model.config.is_encoder_decoder else "model.onnx")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            expected = model.encoder(**inputs).last_hidden_state
        else:
            expected = model(**inputs).logits
    inputs["token_type_ids"] = torch.zeros_like(ids)
    inputs["position_ids"] = torch.arange(LENGTH).expand(BATCH, LENGTH)
    feeds = {}
    for item in session.get_inputs():
        if item.name.startswith("past_key_values"):
            heads, head = model.config.n_head, model.config.n_embd // model.config.n_head
            feeds[item.name] = np.zeros((BATCH, heads, 0, head), dtype=np.float32)
        else:
            feeds[item.name] = inputs[item.name].numpy()
    output = session.run(None, feeds)[0]
    if not np.allclose(output, expected.numpy(), atol=1e-4):
        raise SystemExit(f"not close: {np.abs(output - expected.numpy()).max()}")
    sys.stdout.write(f"close, {output.shape}\n")


def examples() -> None:
    """Register a subclass of an optimum-onnx configuration as its documentation shows, and print what it gives."""
    from optimum.exporters.onnx.config import TextEncoderOnnxConfig
    from optimum.utils import NormalizedTextConfig

    from resolver.tasks_manager import TasksManager

    register_tasks_manager_onnx = TasksManager.create_register("onnx", overwrite_existing=True)

    @register_tasks_manager_onnx("bert", "feature-extraction", "text-classification")
    class BertOnnxConfig(TextEncoderOnnxConfig):  # type: ignore[misc]  # optimum has no types
        NORMALIZED_CONFIG_CLASS = NormalizedTextConfig
        ATOL_FOR_VALIDATION = 1e-4

        @property
        def inputs(self) -> dict[str, dict[int, str]]:
            dynamic_axis = {0: "batch_size", 1: "sequence_length"}
            return {"input_ids": dynamic_axis, "attention_mask": dynamic_axis}

    base_model = transformers.BertModel(transformers.BertConfig(hidden_size=24, num_hidden_layers=1))
    constructor = TasksManager.get_exporter_config_constructor("onnx", base_model, library_name="transformers")
    onnx_config = constructor(base_model.config)
    shown = [type(onnx_config) is BertOnnxConfig, list(onnx_config.inputs), list(onnx_config.outputs)]
    shown.append(sorted(onnx_config.generate_dummy_inputs(framework="pt")))
    sys.stdout.write(f"{shown}\n")


def adopt() -> None:
    """Write to optimum's tables as packages do, adopt, and print what our TasksManager then answers."""
    from optimum.exporters.onnx.model_configs import BertOnnxConfig
    from optimum.exporters.tasks import TasksManager as Theirs

    from resolver.tasks_manager import TasksManager

    Theirs._LIBRARY_TO_SUPPORTED_MODEL_TYPES["json"] = {}
    Theirs._LIBRARY_TO_TASKS_TO_MODEL_LOADER_MAP["json"] = {"text-to-audio": "JSONDecoder"}
    Theirs._CUSTOM_CLASSES["pt", "mine", "fill-mask"] = ("transformers", "BertForMaskedLM")
    Theirs._DIFFUSERS_TASKS_TO_MODEL_LOADERS["fill"] = "FluxFillPipeline"
    Theirs.create_register("mine")("mine", "fill-mask")(BertOnnxConfig)
    before = TasksManager.get_model_class_for_task("mask-generation").__name__
    TasksManager.adopt()
    shown = [
        TasksManager.get_supported_tasks_for_model_type("bert", "onnx")["fill-mask"].func is BertOnnxConfig,
        list(TasksManager.get_supported_tasks_for_model_type("mine", "mine")),
        TasksManager.get_model_class_for_task("fill-mask", model_type="mine").__name__,
        TasksManager.get_model_class_for_task("text-to-audio", library="json").__name__,
        "fill" in TasksManager.get_all_tasks(),
        # Rows that optimum itself has are not written ones.
        TasksManager.get_model_class_for_task("mask-generation").__name__ == before,
    ]
    sys.stdout.write(f"{shown}\n")


if __name__ == "__main__":
    if sys.argv[1] == "examples":
        examples()
    elif sys.argv[1] == "adopt":
        adopt()
    elif sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        check(Path(sys.argv[2]), Path(sys.argv[3]) / "out")
