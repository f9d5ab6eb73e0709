"""Saves tiny models under the ids that the tests of optimum and optimum-onnx name. Run it with a Python that has them.

    python -m tools.peer_models CHECKOUT FOLDER

The ids and their model types are read from the checkout's `tests/exporters/onnx/utils_tests.py`, and for tests that
name ids themselves from `NAMED` below. One line says for each id that could not be built why.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry.defaults import default_registry
from registry.export.defaults import shipped_export_registry
from tests import torchvision_beside_cpu_torch
from tests.resolver.exporting.tiny import build_tiny_model, shrink_config
from tests.resolver.loading.others import save_timm, save_transformers
from tools.peer_pipelines import save_pipeline

LIBRARY_OF_TABLE = {
    # Part of the name of a table in utils_tests.py -> the library of its models.
    "PYTORCH_EXPORT_MODELS_TINY": "transformers",
    "PYTORCH_TIMM_MODEL": "timm",
    "PYTORCH_TIMM_MODEL_NO_DYNAMIC_AXES": "timm",
    "PYTORCH_SENTENCE_TRANSFORMERS_MODEL": "sentence_transformers",
    "PYTORCH_DIFFUSION_MODEL": "diffusers",
}

NAMED: dict[str, tuple[str, str, str | None]] = {
    # An id that a test names without a model type -> (library, model type, its pipeline tag).
    "intfloat/multilingual-e5-large": ("sentence_transformers", "transformer", None),
    "stabilityai/stable-diffusion-xl-base-1.0": ("diffusers", "stable-diffusion-xl", None),
    "gpt2": ("transformers", "gpt2", "text-generation"),
    "timm/mobilenetv3_large_100.ra_in1k": ("timm", "default-timm-config", None),
    "google/pix2struct-base": ("transformers", "pix2struct", "image-to-text"),
    "uclanlp/visualbert-vqa": ("transformers", "visual_bert", "question-answering"),
    "openai/whisper-tiny.en": ("transformers", "whisper", "automatic-speech-recognition"),
    "facebook/bart-large-cnn": ("transformers", "bart", "summarization"),
    "facebook/bart-large-mnli": ("transformers", "bart", "zero-shot-classification"),
    "facebook/blenderbot-400M-distill": ("transformers", "blenderbot", "text2text-generation"),
    "microsoft/DialoGPT-small": ("transformers", "gpt2", "text-generation"),
    "t5-small": ("transformers", "t5", "translation"),
    "optimum-internal-testing/tiny-testing-gpt2-remote-code": ("transformers", "gpt2", "text-generation"),
    "fxmarty/speecht5-hifigan-tiny": ("transformers", "hifigan", None),
    "sentence-transformers/paraphrase-TinyBERT-L6-v2": ("sentence_transformers", "transformer", None),
    "sentence-transformers-testing/stsb-bert-tiny-onnx": ("sentence_transformers", "transformer", None),
}

SHORT_AUDIO = {
    "conv_dim": [32, 32, 32],
    "conv_stride": [4, 4, 4],
    "conv_kernel": [8, 8, 8],
    "tdnn_dilation": [1, 1, 1, 1, 1],
}
OWN_SIZES: dict[str, dict[str, Any]] = {
    # Model type -> fields of its config that fit the sizes of inputs in the peers' tests.
    "whisper": {"max_source_positions": 1500},
    "phi": {"num_key_value_heads": 4},
    **dict.fromkeys(("data2vec-audio", "unispeech-sat", "wav2vec2", "wav2vec2-conformer", "wavlm"), SHORT_AUDIO),
}


COMPOSED = {
    # Class -> the classes of the configs that its config is composed of, by the names of the arguments.
    "EncoderDecoderModel": ({"encoder": "BertConfig", "decoder": "BertConfig"},),
    "VisionEncoderDecoderModel": (
        {"encoder": "ViTConfig", "decoder": "GPT2Config"},
        {"encoder": "DonutSwinConfig", "decoder": "MBartConfig"},
        {"encoder": "ViTConfig", "decoder": "TrOCRConfig"},
    ),
    "MusicgenForConditionalGeneration": (
        {"text_encoder": "T5Config", "audio_encoder": "EncodecConfig", "decoder": "MusicgenDecoderConfig"},
    ),
}


COMPOSED_CLASSES = {
    "encoder-decoder": "EncoderDecoderModel",
    "vision-encoder-decoder": "VisionEncoderDecoderModel",
    "musicgen": "MusicgenForConditionalGeneration",
}


def list_ids(checkout: Path) -> Iterator[tuple[str, str, str, str | None]]:
    """(id, library, model type, a task that the id is tested for, if one is named)."""
    tests = checkout / "tests" / "exporters"
    if (tests / "onnx" / "utils_tests.py").is_file():
        sys.path.insert(0, str(tests / "onnx"))
        tables = importlib.import_module("utils_tests")
        for name, library in LIBRARY_OF_TABLE.items():
            for model_type, entry in getattr(tables, name, {}).items():
                named = {entry: [None]} if isinstance(entry, str) else entry
                for repo_id, tasks in named.items():
                    yield repo_id, library, model_type, tasks[0]
    for path in sorted(tests.rglob("test_*.py")):
        for repo_id in re.findall(r"[\w./-]+", path.read_text("utf-8")):
            if repo_id in NAMED:
                yield repo_id, *NAMED[repo_id]


def save_model(folder: Path, library: str, model_type: str, task: str | None, number: int = 0) -> None:
    """Save a tiny model in `folder`, as its library saves it; it is the `number`th of its model type."""
    folder.mkdir(parents=True, exist_ok=True)
    if library in ("diffusers", "sentence_transformers", "timm"):
        _save_other(folder, library, model_type)
        return
    if model_type in COMPOSED_CLASSES:
        _save_composed(folder, COMPOSED_CLASSES[model_type], number)
        _write_tag(folder, task or "text-to-audio")
        return
    if model_type == "hifigan":
        _save_vocoder(folder)
        return
    exports = shipped_export_registry(default_registry())
    tasks = list(exports.get_supported_tasks_for_model_type(model_type, "onnx", library_name="transformers"))
    problems = []
    for candidate in dict.fromkeys((*([task] if task else []), *tasks)):
        try:
            build_tiny_model("transformers", model_type, candidate, OWN_SIZES.get(model_type)).save_pretrained(folder)
        except Exception as error:  # each library release lacks some models, each in its own way
            problems.append(f"{candidate}: {error!r}")
            continue
        _write_tag(folder, task or candidate)
        return
    # The tests build most models from a config alone.
    import transformers

    config_class = transformers.CONFIG_MAPPING[model_type]
    config_class(**shrink_config(config_class, 1, {})).save_pretrained(folder)
    raise RuntimeError(f"only its config: {'; '.join(problems)[:200]}")


def _write_tag(folder: Path, task: str) -> None:
    """The pipeline tag in the README, by which optimum tells the task of an id."""
    (folder / "README.md").write_text(f"---\npipeline_tag: {task.removesuffix('-with-past')}\n---\n")


def _save_composed(folder: Path, class_name: str, number: int) -> None:
    import transformers

    parts = {}
    for name, part_name in COMPOSED[class_name][number % len(COMPOSED[class_name])].items():
        part_class = getattr(transformers, part_name)
        parts[name] = part_class(**shrink_config(part_class, 1, {}))
    parts["decoder"].is_decoder = parts["decoder"].add_cross_attention = True
    model_class = getattr(transformers, class_name)
    config = model_class.config_class(**{name: part.to_dict() for name, part in parts.items()})
    config.decoder_start_token_id = config.pad_token_id = 0
    model_class(config).save_pretrained(folder)


def _save_vocoder(folder: Path) -> None:
    """The vocoder of SpeechT5, which is no model type of its own."""
    import transformers

    config = transformers.SpeechT5HifiGanConfig(
        upsample_initial_channel=8, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8], resblock_kernel_sizes=[3]
    )
    config.resblock_dilation_sizes = [[1, 3]]
    transformers.SpeechT5HifiGan(config).save_pretrained(folder)


def _save_other(folder: Path, library: str, model_type: str) -> None:
    """A model of another library."""
    if library == "timm":
        save_timm(folder)
    elif library == "sentence_transformers":
        import sentence_transformers
        import transformers

        from tests.resolver.loading.families import BERT

        save_transformers(folder / "trunk", "BertModel", transformers.BertConfig(**BERT))
        sentence_transformers.SentenceTransformer(str(folder / "trunk")).save_pretrained(str(folder))
    else:
        save_pipeline(folder, model_type)


def main() -> None:
    torchvision_beside_cpu_torch.install()
    checkout, folder = Path(sys.argv[1]), Path(sys.argv[2])
    done: set[str] = set()
    counts: Counter[str] = Counter()
    for repo_id, library, model_type, task in list_ids(checkout):
        if repo_id in done:
            continue
        done.add(repo_id)
        try:
            save_model(folder / repo_id, library, model_type, task, counts[model_type])
            counts[model_type] += 1
        except Exception as error:
            sys.stdout.write(f"{repo_id} ({library} {model_type}): {error!r}\n")
    sys.stdout.write(f"{len(done)} ids\n")


if __name__ == "__main__":
    main()
