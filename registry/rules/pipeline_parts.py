"""Recognises weights that are loaded into a diffusers pipeline: LoRA, textual inversion, IP-Adapter. Pure."""

from __future__ import annotations

from msgspec import Struct

from registry.rules.framework import find_framework
from registry.rules.observed import Observed
from registry.rules.required_files import ADAPTER_CONFIG, MODEL_INDEX, MODULAR_CONFIG, MODULAR_MODEL_INDEX

_GENERATION_TAGS = frozenset(
    {
        "text-to-image",
        "image-to-image",
        "image-text-to-image",
        "inpainting",
        "text-to-video",
        "image-to-video",
        "image-text-to-video",
        "video-to-video",
        "unconditional-image-generation",
    }
)
_LORA_TAGS = frozenset({"lora", "dora", "locon", "lokr", "lycoris", "sdxl-lora", "flux-lora"})
_INVERSION_TAGS = frozenset({"textual_inversion", "textual-inversion", "textual inversion"})


class PipelinePart(Struct, frozen=True, gc=False):
    """`name` is what the weights are, `method` the method of a pipeline that loads them, `saw` the file or tag that
    tells. `is_of_diffusers` is true where a file or tag says that diffusers' pipelines use them.
    """

    name: str
    method: str
    saw: str
    is_of_diffusers: bool


def find_pipeline_part(observed: Observed) -> PipelinePart | None:
    """The part of a pipeline that the repo holds; None where it holds a whole model, or another library's adapter."""
    whole = (MODEL_INDEX, MODULAR_MODEL_INDEX, MODULAR_CONFIG, ADAPTER_CONFIG)
    is_model = observed.model_type is not None or observed.architectures or "_class_name" in observed.config
    if is_model or observed.names.intersection(whole):
        return None
    tags = {tag.lower() for tag in observed.hints.tags}
    is_tagged = observed.hints.pipeline_tag in _GENERATION_TAGS or bool(tags & (_GENERATION_TAGS | {"diffusers"}))
    weights = [path for path in observed.facts.commit.filenames if find_framework(path) in ("pt", "bin")]
    named = {path: path.rpartition("/")[2].lower() for path in weights}
    for path, name in named.items():
        if any(mark in name for mark in ("ip-adapter", "ip_adapter", "ipadapter")):
            return PipelinePart("IP-Adapter", "load_ip_adapter", path, is_of_diffusers=True)
    lora = next((path for path, name in named.items() if name.startswith("pytorch_lora_weights.")), None)
    if lora is not None:
        return PipelinePart("LoRA weights", "load_lora_weights", lora, is_of_diffusers=True)
    for path, name in named.items():
        if name.startswith("learned_embeds"):
            return PipelinePart("textual inversion", "load_textual_inversion", path, is_of_diffusers=True)
    if not weights and observed.has_all_names:
        return None
    if found := sorted(tags & _INVERSION_TAGS):
        return PipelinePart("textual inversion", "load_textual_inversion", f"tag {found[0]}", is_of_diffusers=is_tagged)
    saw = next((f"tag {tag}" for tag in sorted(tags & _LORA_TAGS)), None)
    saw = saw or next((path for path, name in named.items() if "lora" in name), None)
    is_control = any("control" in name for name in named.values())
    if saw is None and not is_control:
        saw = next((f"tag {tag}" for tag in sorted(tags) if tag.startswith("base_model:adapter:")), None)
    if saw is not None:
        return PipelinePart("LoRA weights", "load_lora_weights", saw, is_of_diffusers=is_tagged)
    return None
