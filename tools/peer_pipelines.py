"""Saves tiny pipelines of diffusers with random weights, for the tests of peers that export one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.resolver.exporting.tiny_others import ENCODERS, PARTS
from tests.resolver.loading.others import build_tokenizer

ADDED_BY_XL = ("addition_embed_type", "addition_time_embed_dim", "projection_class_embeddings_input_dim")


def save_pipeline(folder: Path, model_type: str) -> None:
    """Save a pipeline of this kind, as the exporters name it, with all its parts."""
    import torch

    torch.manual_seed(0)
    BUILDERS[model_type]().save_pretrained(folder)


def _build_part(name: str, **changes: Any) -> Any:
    import diffusers

    class_name, fields = PARTS[name]
    return getattr(diffusers, class_name)(**{**fields, **changes})


def _build_encoder(name: str) -> Any:
    import transformers

    class_name, fields = ENCODERS[name]
    encoder = getattr(transformers, class_name)
    return encoder(encoder.config_class(**fields))


def _build_unet(*, is_xl: bool, **changes: Any) -> Any:
    removed = {} if is_xl else dict.fromkeys(ADDED_BY_XL)
    return _build_part("unet-2d-condition", **removed, **changes)


def _build_stable_diffusion() -> Any:
    import diffusers

    return diffusers.StableDiffusionPipeline(
        vae=_build_part("vae-decoder"),
        text_encoder=_build_encoder("clip-text"),
        tokenizer=build_tokenizer(),
        unet=_build_unet(is_xl=False, time_cond_proj_dim=None),
        scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _build_latent_consistency() -> Any:
    import diffusers

    return diffusers.LatentConsistencyModelPipeline(
        vae=_build_part("vae-decoder"),
        text_encoder=_build_encoder("clip-text"),
        tokenizer=build_tokenizer(),
        unet=_build_unet(is_xl=False),
        scheduler=diffusers.LCMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _build_stable_diffusion_xl() -> Any:
    import diffusers

    # Both encoders' states side by side: 32 + 32; one pooled state and six times eight values of sizes: 32 + 48.
    return diffusers.StableDiffusionXLPipeline(
        vae=_build_part("vae-decoder"),
        text_encoder=_build_encoder("clip-text"),
        text_encoder_2=_build_encoder("clip-text-with-projection"),
        tokenizer=build_tokenizer(),
        tokenizer_2=build_tokenizer(),
        unet=_build_unet(is_xl=True, cross_attention_dim=64, time_cond_proj_dim=None),
        scheduler=diffusers.EulerDiscreteScheduler(),
    )


def _build_stable_diffusion_3() -> Any:
    import diffusers

    return diffusers.StableDiffusion3Pipeline(
        transformer=_build_part("sd3-transformer-2d", pooled_projection_dim=64),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=_build_part("vae-decoder", latent_channels=4),
        text_encoder=_build_encoder("clip-text-with-projection"),
        tokenizer=build_tokenizer(),
        text_encoder_2=_build_encoder("clip-text-with-projection"),
        tokenizer_2=build_tokenizer(),
        text_encoder_3=_build_encoder("t5-encoder"),
        tokenizer_3=build_tokenizer(),
    )


def _build_flux() -> Any:
    import diffusers

    return diffusers.FluxPipeline(
        transformer=_build_part("flux-transformer-2d"),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=_build_part("vae-decoder", latent_channels=1),
        text_encoder=_build_encoder("clip-text"),
        tokenizer=build_tokenizer(),
        text_encoder_2=_build_encoder("t5-encoder"),
        tokenizer_2=build_tokenizer(),
    )


def _build_sana() -> Any:
    import diffusers

    return diffusers.SanaPipeline(
        transformer=_build_part("sana-transformer"),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=_build_part("dcae-decoder"),
        text_encoder=_build_encoder("gemma2-text-encoder"),
        tokenizer=build_tokenizer(),
    )


BUILDERS: dict[str, Callable[[], Any]] = {
    "stable-diffusion": _build_stable_diffusion,
    "latent-consistency": _build_latent_consistency,
    "stable-diffusion-xl": _build_stable_diffusion_xl,
    "stable-diffusion-3": _build_stable_diffusion_3,
    "flux": _build_flux,
    "sana": _build_sana,
}
