"""Builds tiny models of diffusers, timm and sentence-transformers, with random weights."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

TEXT = {
    "vocab_size": 128,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "max_position_embeddings": 77,
}
TEXT_IN_CLIP = {**TEXT, "projection_dim": 32, "bos_token_id": 126, "eos_token_id": 127, "pad_token_id": 0}
VAE = {
    "block_out_channels": (16, 32),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "norm_num_groups": 8,
    "sample_size": 32,
}
DCAE = {
    "latent_channels": 4,
    "attention_head_dim": 8,
    "encoder_block_types": ("ResBlock", "EfficientViTBlock"),
    "decoder_block_types": ("ResBlock", "EfficientViTBlock"),
    "encoder_block_out_channels": (8, 16),
    "decoder_block_out_channels": (8, 16),
    "encoder_layers_per_block": (1, 1),
    "decoder_layers_per_block": (1, 1),
    "encoder_qkv_multiscales": ((), (5,)),
    "decoder_qkv_multiscales": ((), (5,)),
    "decoder_norm_types": "rms_norm",
    "decoder_act_fns": "silu",
}
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    # Model type -> class of diffusers, its arguments.
    "unet-2d-condition": (
        "UNet2DConditionModel",
        {
            "sample_size": 16,
            "block_out_channels": (16, 32),
            "layers_per_block": 1,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "norm_num_groups": 8,
            "cross_attention_dim": 32,
            "attention_head_dim": 8,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 80,
            "time_cond_proj_dim": 16,
        },
    ),
    "vae-encoder": ("AutoencoderKL", VAE),
    "vae-decoder": ("AutoencoderKL", VAE),
    "dcae-encoder": ("AutoencoderDC", DCAE),
    "dcae-decoder": ("AutoencoderDC", DCAE),
    "sd3-transformer-2d": (
        "SD3Transformer2DModel",
        {
            "sample_size": 16,
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 2,
            "attention_head_dim": 8,
            "num_attention_heads": 4,
            "joint_attention_dim": 32,
            "caption_projection_dim": 32,
            "pooled_projection_dim": 48,
            "pos_embed_max_size": 96,
        },
    ),
    "flux-transformer-2d": (
        "FluxTransformer2DModel",
        {
            "in_channels": 4,
            "num_layers": 1,
            "num_single_layers": 1,
            "attention_head_dim": 16,
            "num_attention_heads": 2,
            "joint_attention_dim": 32,
            "pooled_projection_dim": 32,
            "axes_dims_rope": (4, 4, 8),
            "guidance_embeds": True,
        },
    ),
    "sana-transformer": (
        "SanaTransformer2DModel",
        {
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 1,
            "num_attention_heads": 2,
            "attention_head_dim": 16,
            "num_cross_attention_heads": 2,
            "cross_attention_head_dim": 16,
            "cross_attention_dim": 32,
            "caption_channels": 32,
            "sample_size": 16,
        },
    ),
}
ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    # Model type -> transformers class of a text encoder of diffusers pipelines, fields of its config.
    "clip-text": ("CLIPTextModel", {**TEXT_IN_CLIP, "output_hidden_states": True}),
    "clip-text-with-projection": ("CLIPTextModelWithProjection", {**TEXT_IN_CLIP, "output_hidden_states": True}),
    "t5-encoder": ("T5EncoderModel", {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 1, "num_heads": 4}),
    "gemma2-text-encoder": (
        "Gemma2Model",
        {**TEXT, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 64, "query_pre_attn_scalar": 8},
    ),
}


def build_other_model(library: str, model_type: str) -> Any:
    """A model of diffusers, timm or sentence-transformers."""
    if library == "timm":
        return importlib.import_module("timm").create_model("test_resnet", pretrained=False)
    if library == "sentence_transformers":
        return _build_sentence_transformer(model_type)
    if model_type in ENCODERS:
        name, fields = ENCODERS[model_type]
        library_class = getattr(importlib.import_module("transformers"), name)
        return library_class(library_class.config_class(**fields))
    name, fields = PARTS[model_type]
    return getattr(importlib.import_module("diffusers"), name)(**fields)


def _build_sentence_transformer(model_type: str) -> Any:
    library = importlib.import_module("sentence_transformers")
    modules = importlib.import_module("sentence_transformers.sentence_transformer.modules")
    with tempfile.TemporaryDirectory() as folder:
        if model_type == "clip":
            _save_clip(Path(folder))
            return library.SentenceTransformer(modules=[modules.CLIPModel(folder)], device="cpu")
        _save_bert(Path(folder))
        transformer = importlib.import_module("sentence_transformers.base.modules.transformer").Transformer(folder)
        pooling = modules.Pooling(TEXT["hidden_size"])
        return library.SentenceTransformer(modules=[transformer, pooling], device="cpu")


def _save_bert(folder: Path) -> None:
    transformers = importlib.import_module("transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(123))]
    (folder / "vocab.txt").write_text("\n".join(words), "utf-8")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    transformers.BertModel(transformers.BertConfig(**TEXT)).save_pretrained(folder)


def _save_clip(folder: Path) -> None:
    transformers = importlib.import_module("transformers")
    tokenizers = importlib.import_module("tokenizers")
    words = {word: number for number, word in enumerate(["<pad>", *(f"word{number}</w>" for number in range(125))])}
    words.update({"<|startoftext|>": 126, "<|endoftext|>": 127})
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<|endoftext|>"))
    ends = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<pad>"}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **ends)
    images = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    transformers.CLIPProcessor(images, fast).save_pretrained(folder)
    vision = {key: TEXT[key] for key in TEXT if key not in ("vocab_size", "max_position_embeddings")}
    config = transformers.CLIPConfig(
        text_config=TEXT_IN_CLIP, vision_config={**vision, "image_size": 32, "patch_size": 8}, projection_dim=32
    )
    transformers.CLIPModel(config).save_pretrained(folder)
