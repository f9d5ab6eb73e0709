"""Configurations of models of texts and images: CLIP, zero-shot detectors, captioning, document models. Pure."""

from __future__ import annotations

from typing import Any

from registry.export.config import ExportConfig
from registry.export.families.seq2seq import EncoderDecoderConfig, Seq2SeqConfig
from registry.export.families.text import TextEncoderConfig
from registry.export.families.vision import ImageConfig, PatchConfig
from registry.export.model_config import choose_token_range, get_image_size, get_number
from registry.export.outputs import BATCH_AXIS, OUTPUTS_BY_TASK, TOKEN_AXES
from registry.export.tensors import Dim, InputSpec, OutputSpec

TEXT_AND_IMAGE_TASKS = ("feature-extraction", "zero-shot-image-classification")
"""The tasks whose graph takes texts and images, in batches of different sizes."""


class ClipConfig(ImageConfig):
    """CLIP: texts and images to embeddings and their similarities; only images for image classification."""

    INTERPOLATES_POSITIONS = True
    TEXT_LENGTH: int | None = None
    """The fixed number of tokens of a text; None: any number."""
    HAS_TEXT_MASK = True
    """Whether the model takes an attention mask of the texts."""
    IMAGES_FIRST = True
    """Whether the images come before the texts in the order of the inputs."""

    def build_text_specs(self) -> tuple[InputSpec, ...]:
        """The inputs that hold the texts."""
        low, high = choose_token_range(self.config.text_config)
        # The embedding of a text is the embedding of its end token.
        end = ((-1, get_number(self.config.text_config, "eos_token_id", default=high - 1)),)
        length: Dim = "sequence_length" if self.TEXT_LENGTH is None else self.TEXT_LENGTH
        shape: tuple[Dim, ...] = ("text_batch_size", length)
        ids = InputSpec(name="input_ids", shape=shape, low=low, high=high, fixed=end)
        mask = InputSpec(name="attention_mask", shape=shape, fill="ones")
        return (ids, mask) if self.HAS_TEXT_MASK else (ids,)

    @property
    def image_shape(self) -> tuple[Dim, ...]:
        batch = "image_batch_size" if self.task in TEXT_AND_IMAGE_TASKS else "batch_size"
        return (batch, *super().image_shape[1:])

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        images = super().build_input_specs()
        if self.task == "image-classification":
            return images
        return (*images, *self.build_text_specs()) if self.IMAGES_FIRST else (*self.build_text_specs(), *images)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OUTPUTS_BY_TASK["zero-shot-image-classification"]
            if self.task in TEXT_AND_IMAGE_TASKS
            else super().build_output_specs()
        )


class SiglipConfig(ClipConfig):
    """SigLIP: no attention mask, because a text is padded to all positions."""

    HAS_TEXT_MASK = False
    IMAGES_FIRST = False


class SentenceTransformersClipConfig(ClipConfig):
    """CLIP in a sentence-transformers model: one embedding of each text and image."""

    def get_exported_module(self, model: Any) -> Any:
        # A SentenceTransformer takes texts or images; the model in its first module takes both.
        return model[0].model

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="text_embeds", axes={0: "text_batch_size"}),
            OutputSpec(name="image_embeds", axes={0: "image_batch_size"}),
        )


class GroupVitConfig(ClipConfig):
    """GroupViT: as CLIP, but images of one size only: the model does not pass the interpolation on."""

    INTERPOLATES_POSITIONS = False


class VisionTowerConfig(PatchConfig):
    """The vision encoder of CLIP and similar models."""

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            *super().build_output_specs(),
            OutputSpec(name="pooler_output", axes=BATCH_AXIS),
        )


class TextTowerConfig(TextEncoderConfig):
    """The text encoder of CLIP and similar models; with `output_hidden_states` also the states of all layers."""

    def build_token_specs(self) -> tuple[InputSpec, ...]:
        low, high = choose_token_range(self.config)
        end = ((-1, get_number(self.config, "eos_token_id", default=high - 1)),)
        return (InputSpec(name="input_ids", shape=self.text_shape, low=low, high=high, fixed=end),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="last_hidden_state", axes=TOKEN_AXES),
            OutputSpec(name="pooler_output", axes=BATCH_AXIS),
            *self.build_hidden_state_outputs(),
        )

    def build_hidden_state_outputs(self) -> tuple[OutputSpec, ...]:
        """The embeddings and the hidden states of every layer; empty unless the config has `output_hidden_states`."""
        if not getattr(self.config, "output_hidden_states", False):
            return ()
        count = get_number(self.config, "num_hidden_layers") + 1
        return tuple(OutputSpec(name=f"hidden_states.{layer}", axes=TOKEN_AXES) for layer in range(count))


class ProjectedTextTowerConfig(TextTowerConfig):
    """A text encoder that also returns the projected embedding of the text, which is compared with images."""

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="text_embeds", axes=BATCH_AXIS),
            OutputSpec(name="last_hidden_state", axes=TOKEN_AXES),
            *self.build_hidden_state_outputs(),
        )


class OwlVitConfig(ClipConfig):
    """OWL-ViT: finds in images the objects that texts name; each image has the same number of texts."""

    INTERPOLATES_POSITIONS = False

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            return OUTPUTS_BY_TASK["zero-shot-image-classification"]
        return (
            OutputSpec(name="logits", axes=BATCH_AXIS),
            OutputSpec(name="pred_boxes", axes=BATCH_AXIS),
            OutputSpec(name="text_embeds", axes=BATCH_AXIS),
            OutputSpec(name="image_embeds", axes=BATCH_AXIS),
        )

    def build_text_specs(self) -> tuple[InputSpec, ...]:
        if self.task == "feature-extraction":
            return super().build_text_specs()
        # All images need the same number of texts: one each, so that the batch axis can be dynamic.
        return tuple(
            InputSpec(
                name=spec.name,
                shape=("batch_size", *spec.shape[1:]),
                fill=spec.fill,
                low=spec.low,
                high=spec.high,
                fixed=spec.fixed,
            )
            for spec in super().build_text_specs()
        )


class ColPaliConfig(ExportConfig):
    """ColPali: the image of a page and a text that starts with one image token per patch, to token embeddings."""

    @property
    def _vlm_config(self) -> Any:
        return self.config.vlm_config

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        height, width = get_image_size(self._vlm_config, "vision_config.image_size", default=448)
        patch = get_number(self._vlm_config, "vision_config.patch_size", default=14)
        image_token = get_number(self._vlm_config, "image_token_id", "image_token_index")
        low, high = choose_token_range(self._vlm_config.text_config)
        high = image_token if low < image_token < high else high
        patch_count = (height // patch) * (width // patch)
        shape: tuple[Dim, ...] = ("batch_size", f"{patch_count} + sequence_length")
        fixed = tuple((position, image_token) for position in range(patch_count))
        channels = get_number(self._vlm_config, "vision_config.num_channels", default=3)
        return (
            InputSpec(name="input_ids", shape=shape, low=low, high=high, fixed=fixed),
            InputSpec(name="attention_mask", shape=shape, fill="ones"),
            InputSpec(name="pixel_values", shape=("batch_size", channels, height, width), kind="float"),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = self.inputs["input_ids"]
        return (OutputSpec(name="embeddings", axes=axes),)


class VisionEncoderDecoderConfig(EncoderDecoderConfig):
    """A pair of an image encoder and a text decoder, for captions."""

    HAS_ATTENTION_MASK = False

    def build_encoder_specs(self) -> tuple[InputSpec, ...]:
        return ImageConfig(self.config.encoder).build_input_specs()

    @property
    def encoder_output_length(self) -> Dim:
        return "encoder_sequence_length"

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        # The image size is fixed, and so is the number of patches.
        return tuple(
            OutputSpec(name=spec.name, axes=BATCH_AXIS) if spec.name.endswith("last_hidden_state") else spec
            for spec in super().build_output_specs()
        )


class Pix2StructConfig(Seq2SeqConfig):
    """Pix2Struct: the patches of an image, each with its row and column, to text."""

    def get_default_sizes(self) -> dict[str, int]:
        return {"encoder_sequence_length": 32}

    def build_encoder_specs(self) -> tuple[InputSpec, ...]:
        width = 2 + get_number(self.config.vision_config, "patch_embed_hidden_size")
        # A patch starts with its row and column.
        fixed = ((0, 1), (1, 2))
        shape: tuple[Dim, ...] = ("batch_size", "encoder_sequence_length", width)
        return (InputSpec(name="flattened_patches", shape=shape, kind="float", fixed=fixed),)

    @property
    def decoder_config(self) -> Any:
        return self.config.text_config

    @property
    def encoder_width(self) -> int:
        return get_number(self.config.vision_config, "hidden_size")
