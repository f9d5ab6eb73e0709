"""Tiny real models of the libraries around transformers, saved by each library itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers as t
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.resolver.loading.families import BERT, build_llama_config

TOKENS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "small",
    "model",
    "reads",
    "words",
    "##s",
    "[BOS]",
    "[EOS]",
)


def build_tokenizer() -> Any:
    """A tokenizer with a dozen tokens."""
    tokenizer = Tokenizer(models.WordPiece({token: index for index, token in enumerate(TOKENS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return t.PreTrainedTokenizerFast(tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=16, **names)


def save_transformers(folder: Path, architecture: str, config: Any, **save_options: Any) -> None:
    """A model of transformers with its tokenizer."""
    getattr(t, architecture)(config).save_pretrained(folder, **save_options)
    build_tokenizer().save_pretrained(folder)


def save_sentence_models(folder: Path) -> None:
    """One model of each of the four kinds, saved as `embed`, `cross`, `sparse` and `multi` in `folder / "st"`."""
    import sentence_transformers as st
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    trunk, head, masked = folder / "trunk", folder / "head", folder / "masked"
    save_transformers(trunk, "BertModel", t.BertConfig(**BERT))
    save_transformers(head, "BertForSequenceClassification", t.BertConfig(**BERT, num_labels=1))
    save_transformers(masked, "BertForMaskedLM", t.BertConfig(**BERT))
    body = Transformer(str(trunk))
    dense = Dense(16, 8)
    st.SentenceTransformer(modules=[body, Pooling(16), dense, Normalize()]).save_pretrained(
        str(folder / "st" / "embed")
    )
    st.CrossEncoder(str(head)).save_pretrained(str(folder / "st" / "cross"))
    pooling = SpladePooling(pooling_strategy="max")
    st.SparseEncoder(modules=[Transformer(str(masked), transformer_task="fill-mask"), pooling]).save_pretrained(
        str(folder / "st" / "sparse")
    )
    st.MultiVectorEncoder(str(trunk)).save_pretrained(str(folder / "st" / "multi"))


def save_pipeline(folder: Path, **save_options: Any) -> Any:
    """A Stable Diffusion pipeline of five components, each saved in a folder of its own."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=8,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
    )
    text = t.CLIPTextModel(t.CLIPTextConfig(**BERT, max_position_embeddings=16, bos_token_id=2, eos_token_id=3))
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=build_tokenizer(),
        unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, **save_options)
    return pipeline


def save_timm(folder: Path, **save_options: Any) -> Any:
    """A ResNet of timm, as `timm.models.push_to_hf_hub` saves it."""
    import timm

    torch.manual_seed(0)
    arguments = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8], "stem_width": 8, "num_classes": 3}
    model = timm.create_model("resnet18", **arguments).eval()
    timm.models.save_for_hf(model, folder, model_config={"num_classes": 3}, model_args=arguments, **save_options)
    return model


def save_adapter(folder: Path, base_folder: Path, base_id: str) -> Any:
    """A LoRA adapter with random weights, on a small Llama that is saved in `base_folder`."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    base = t.LlamaForCausalLM(build_llama_config())
    base.save_pretrained(base_folder)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"]))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    model.save_pretrained(folder)
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_model_name_or_path": base_id}))
    return model.eval()


def save_gguf(path: Path) -> Any:
    """A small Llama, saved as a GGUF file with llama.cpp's tensor names."""
    import gguf

    torch.manual_seed(0)
    config = build_llama_config(tie_word_embeddings=False)
    model = t.LlamaForCausalLM(config).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if "q_proj" in name or "k_proj" in name:
            tensor = _permute_rotary(
                tensor, config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            )
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _permute_rotary(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """`weight` with the rotary heads in the layout of llama.cpp's converter."""
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape).contiguous()
