"""Models of texts with images: CLIP and its kin, detectors by text, readers of pages."""

from __future__ import annotations

from typing import Any

from registry.export.config import ExportConfig
from registry.export.families.seq2seq import PairConfig, Seq2SeqConfig
from registry.export.families.text import TextEncoderConfig
from registry.export.families.vision import ImageConfig
from registry.export.model_config import number_of, ordinary_tokens, side_of
from registry.export.outputs import BATCH, OUTPUTS, TOKENS
from registry.export.tensors import Dim, InputSpec, OutputSpec

BOTH = ("feature-extraction", "zero-shot-image-classification")


class ClipConfig(ImageConfig):
    """Texts and images, each to an embedding, and how like they are; images alone where they are classified."""

    TEXT_LENGTH: int | None = None
    """How many tokens a text must have; None: any number."""
    TEXT_MASK = True
    TEXT_LAST = True

    def text_specs(self) -> tuple[InputSpec, ...]:
        """What tells the texts."""
        low, high = ordinary_tokens(self.config.text_config)
        # The embedding of a text is that of its end token.
        end = ((-1, number_of(self.config.text_config, "eos_token_id", default=high - 1)),)
        length: Dim = "sequence_length" if self.TEXT_LENGTH is None else self.TEXT_LENGTH
        shape: tuple[Dim, ...] = ("text_batch_size", length)
        ids = InputSpec(name="input_ids", shape=shape, low=low, high=high, fixed=end)
        mask = InputSpec(name="attention_mask", shape=shape, fill="ones")
        return (ids, mask) if self.TEXT_MASK else (ids,)

    @property
    def image_shape(self) -> tuple[Dim, ...]:
        rows = "image_batch_size" if self.task in BOTH else "batch_size"
        return (rows, self.channels, *self.side)

    def input_specs(self) -> tuple[InputSpec, ...]:
        images = super().input_specs()
        if self.task == "image-classification":
            return images
        return (*self.text_specs(), *images) if self.TEXT_LAST is False else (*images, *self.text_specs())

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return OUTPUTS["zero-shot-image-classification"] if self.task in BOTH else super().output_specs()


class SiglipConfig(ClipConfig):
    """No mask: a text fills all positions."""

    TEXT_MASK = False
    TEXT_LAST = False


class PairedClipConfig(ClipConfig):
    """The towers of a sentence-transformers model: one embedding of each text and image."""

    def part_of(self, model: Any) -> Any:
        # A SentenceTransformer takes texts or images; its first module holds the model that takes both.
        return model[0].model

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="text_embeds", axes={0: "text_batch_size"}),
            OutputSpec(name="image_embeds", axes={0: "image_batch_size"}),
        )


class ImageTowerConfig(ImageConfig):
    """The half of CLIP that looks at images."""

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="last_hidden_state", axes=BATCH), OutputSpec(name="pooler_output", axes=BATCH))


class TextTowerConfig(TextEncoderConfig):
    """The half of CLIP that reads; all hidden states where the config asks for them, as pipelines do."""

    def token_specs(self) -> tuple[InputSpec, ...]:
        low, high = ordinary_tokens(self.config)
        end = ((-1, number_of(self.config, "eos_token_id", default=high - 1)),)
        return (InputSpec(name="input_ids", shape=self.text_shape, low=low, high=high, fixed=end),)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="last_hidden_state", axes=TOKENS),
            OutputSpec(name="pooler_output", axes=BATCH),
            *self.hidden_states(),
        )

    def hidden_states(self) -> tuple[OutputSpec, ...]:
        """The states of every layer, before the first one too."""
        if not getattr(self.config, "output_hidden_states", False):
            return ()
        count = number_of(self.config, "num_hidden_layers") + 1
        return tuple(OutputSpec(name=f"hidden_states.{layer}", axes=TOKENS) for layer in range(count))


class ProjectedTextTowerConfig(TextTowerConfig):
    """With the embedding of the text, as it is compared with images."""

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="text_embeds", axes=BATCH),
            OutputSpec(name="last_hidden_state", axes=TOKENS),
            *self.hidden_states(),
        )


class OpenDetectorConfig(ClipConfig):
    """OWL-ViT: what texts name, found in images; as many texts for each image."""

    def output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            return OUTPUTS["zero-shot-image-classification"]
        return (
            OutputSpec(name="logits", axes=BATCH),
            OutputSpec(name="pred_boxes", axes=BATCH),
            OutputSpec(name="text_embeds", axes=BATCH),
            OutputSpec(name="image_embeds", axes=BATCH),
        )

    def text_specs(self) -> tuple[InputSpec, ...]:
        if self.task == "feature-extraction":
            return super().text_specs()
        # As many texts for each image: one, in a graph whose batch varies.
        return tuple(
            InputSpec(
                name=spec.name,
                shape=("batch_size", *spec.shape[1:]),
                fill=spec.fill,
                low=spec.low,
                high=spec.high,
                fixed=spec.fixed,
            )
            for spec in super().text_specs()
        )


class PageEmbedderConfig(ExportConfig):
    """ColPali: an image of a page, after as many image tokens as it has patches, to an embedding of each token."""

    @property
    def _vlm(self) -> Any:
        return self.config.vlm_config

    def input_specs(self) -> tuple[InputSpec, ...]:
        height, width = side_of(self._vlm, "vision_config.image_size", default=448)
        patch = number_of(self._vlm, "vision_config.patch_size", default=14)
        image_token = number_of(self._vlm, "image_token_id", "image_token_index")
        low, high = ordinary_tokens(self._vlm.text_config)
        high = image_token if low < image_token < high else high
        count = (height // patch) * (width // patch)
        shape: tuple[Dim, ...] = ("batch_size", f"{count} + sequence_length")
        fixed = tuple((position, image_token) for position in range(count))
        channels = number_of(self._vlm, "vision_config.num_channels", default=3)
        return (
            InputSpec(name="input_ids", shape=shape, low=low, high=high, fixed=fixed),
            InputSpec(name="attention_mask", shape=shape, fill="ones"),
            InputSpec(name="pixel_values", shape=("batch_size", channels, height, width), kind="float"),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = self.inputs["input_ids"]
        return (OutputSpec(name="embeddings", axes=axes),)


class CaptionerConfig(PairConfig):
    """An image encoder and a text decoder put together."""

    MASKED = False

    def encoder_specs(self) -> tuple[InputSpec, ...]:
        return ImageConfig(self.config.encoder).input_specs()

    @property
    def encoded(self) -> Dim:
        return "encoder_sequence_length"

    def output_specs(self) -> tuple[OutputSpec, ...]:
        # The number of patches is fixed with the image's size.
        return tuple(
            OutputSpec(name=spec.name, axes=BATCH) if spec.name.endswith("last_hidden_state") else spec
            for spec in super().output_specs()
        )


class PatchReaderConfig(Seq2SeqConfig):
    """Pix2Struct: patches of an image, each with its row and column, to text."""

    def default_sizes(self) -> dict[str, int]:
        return {"encoder_sequence_length": 32}

    def encoder_specs(self) -> tuple[InputSpec, ...]:
        width = 2 + number_of(self.config.vision_config, "patch_embed_hidden_size")
        # SupportRow and column come first in a patch.
        fixed = ((0, 1), (1, 2))
        shape: tuple[Dim, ...] = ("batch_size", "encoder_sequence_length", width)
        return (InputSpec(name="flattened_patches", shape=shape, kind="float", fixed=fixed),)

    @property
    def decoder_config(self) -> Any:
        return self.config.text_config

    @property
    def encoder_width(self) -> int:
        return number_of(self.config.vision_config, "hidden_size")
