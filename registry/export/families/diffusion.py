"""The parts of diffusers' pipelines: what removes the noise, and what turns images to latents and back."""

from __future__ import annotations

from typing import ClassVar

from registry.export.config import ExportConfig
from registry.export.model_config import first_of, number_of, ordinary_tokens, side_of
from registry.export.outputs import TOKENS
from registry.export.tensors import Dim, InputSpec, OutputSpec


class LatentConfig(ExportConfig):
    """Latents of any height and width."""

    def default_sizes(self) -> dict[str, int]:
        height, width = side_of(self.config, "sample_size", default=64)
        return {"height": height, "width": width, "latent_height": height, "latent_width": width}

    @property
    def map_shape(self) -> tuple[Dim, ...]:
        """The shape of the latents."""
        return ("batch_size", number_of(self.config, "in_channels"), "height", "width")

    def text_spec(self, *names: str) -> InputSpec:
        """The text's embeddings, as wide as the first of these fields of the config says."""
        shape: tuple[Dim, ...] = ("batch_size", "sequence_length", number_of(self.config, *names))
        return InputSpec(name="encoder_hidden_states", shape=shape, kind="float")


class UNetConfig(LatentConfig):
    """Noisy latents, how noisy, and a text's embeddings, to the noise."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        return (
            InputSpec(name="sample", shape=self.map_shape, kind="float"),
            InputSpec(name="timestep", shape=(), low=0, high=1000),
            self.text_spec("cross_attention_dim"),
            *self._text_and_time(),
            *self._guidance(),
        )

    def _text_and_time(self) -> tuple[InputSpec, ...]:
        if first_of(self.config, "addition_embed_type") != "text_time":
            return ()
        count = 6
        width = number_of(self.config, "projection_class_embeddings_input_dim")
        width -= count * number_of(self.config, "addition_time_embed_dim")
        names = (("text_embeds", width), ("time_ids", count))
        return tuple(
            InputSpec(name=name, shape=("batch_size", size), kind="float", argument=f"added_cond_kwargs.{name}")
            for name, size in names
        )

    def _guidance(self) -> tuple[InputSpec, ...]:
        width = first_of(self.config, "time_cond_proj_dim")
        return () if width is None else (InputSpec(name="timestep_cond", shape=("batch_size", width), kind="float"),)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: "height", 3: "width"}
        return (OutputSpec(name="out_sample", axes=axes, source="sample"),)


class SD3TransformerConfig(LatentConfig):
    """As a U-Net, with the text's pooled embedding beside."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        pooled = number_of(self.config, "pooled_projection_dim")
        return (
            InputSpec(name="hidden_states", shape=self.map_shape, kind="float"),
            self.text_spec("joint_attention_dim"),
            InputSpec(name="pooled_projections", shape=("batch_size", pooled), kind="float"),
            InputSpec(name="timestep", shape=("batch_size",), low=0, high=1000),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: "height", 3: "width"}
        return (OutputSpec(name="out_hidden_states", axes=axes, source="sample"),)


class FluxTransformerConfig(SD3TransformerConfig):
    """Latents packed into a row of patches, with the positions of patches and tokens."""

    def default_sizes(self) -> dict[str, int]:
        return {"packed_height_width": 64}

    def input_specs(self) -> tuple[InputSpec, ...]:
        packed: tuple[Dim, ...] = ("batch_size", "packed_height_width", number_of(self.config, "in_channels"))
        pooled = number_of(self.config, "pooled_projection_dim")
        with_guidance = first_of(self.config, "guidance_embeds", default=False)
        guidance = InputSpec(name="guidance", shape=("batch_size",), kind="float", fill="ones")
        return (
            InputSpec(name="hidden_states", shape=packed, kind="float"),
            self.text_spec("joint_attention_dim"),
            InputSpec(name="pooled_projections", shape=("batch_size", pooled), kind="float"),
            InputSpec(name="timestep", shape=("batch_size",), kind="float", fill="ones"),
            InputSpec(name="img_ids", shape=("packed_height_width", 3), kind="float", fill="range"),
            InputSpec(name="txt_ids", shape=("sequence_length", 3), kind="float", fill="zeros"),
            *((guidance,) if with_guidance else ()),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 1: "packed_height_width"}
        return (OutputSpec(name="out_hidden_states", axes=axes, source="sample"),)


class SanaTransformerConfig(LatentConfig):
    """As a U-Net, with a mask of the text."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        return (
            InputSpec(name="hidden_states", shape=self.map_shape, kind="float"),
            self.text_spec("caption_channels"),
            InputSpec(name="timestep", shape=("batch_size",), low=0, high=1000),
            InputSpec(name="encoder_attention_mask", shape=("batch_size", "sequence_length"), fill="ones"),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: "height", 3: "width"}
        return (OutputSpec(name="out_hidden_states", axes=axes, source="sample"),)


class CoderConfig(LatentConfig):
    """A half of an autoencoder."""

    STAGES: ClassVar[str] = "block_out_channels"

    @property
    def factor(self) -> int:
        """How many times smaller than the image a latent is, along each side."""
        return int(2 ** (len(first_of(self.config, self.STAGES, default=(1,))) - 1))


class VaeEncoderConfig(CoderConfig):
    """An image to the parameters of a distribution of latents."""

    METHOD = "encode"

    def input_specs(self) -> tuple[InputSpec, ...]:
        channels = number_of(self.config, "in_channels", default=3)
        shape: tuple[Dim, ...] = ("batch_size", channels, "sample_height", "sample_width")
        return (InputSpec(name="sample", shape=shape, kind="float", argument="x"),)

    def default_sizes(self) -> dict[str, int]:
        height, width = side_of(self.config, "sample_size", default=64)
        return {"sample_height": height, "sample_width": width}

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: f"sample_height // {self.factor}", 3: f"sample_width // {self.factor}"}
        return (OutputSpec(name="latent_parameters", axes=axes, source="latent_dist.parameters"),)


class VaeDecoderConfig(CoderConfig):
    """Latents to an image."""

    METHOD = "decode"

    def input_specs(self) -> tuple[InputSpec, ...]:
        channels = number_of(self.config, "latent_channels")
        shape: tuple[Dim, ...] = ("batch_size", channels, "latent_height", "latent_width")
        return (InputSpec(name="latent_sample", shape=shape, kind="float", argument="z"),)

    def default_sizes(self) -> dict[str, int]:
        return {"latent_height": 8, "latent_width": 8}

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: f"latent_height * {self.factor}", 3: f"latent_width * {self.factor}"}
        return (OutputSpec(name="sample", axes=axes),)


class DcaeEncoderConfig(VaeEncoderConfig):
    """An image to latents, without a distribution."""

    OPTIMIZE = False  # Its attention divides by a sum and 1e-15, which must not be taken for zero.
    STAGES = "encoder_block_out_channels"

    def output_specs(self) -> tuple[OutputSpec, ...]:
        (spec,) = super().output_specs()
        return (OutputSpec(name="latent_sample", axes=spec.axes, source="latent"),)


class DcaeDecoderConfig(VaeDecoderConfig):
    """Latents to an image."""

    OPTIMIZE = False
    STAGES = "decoder_block_out_channels"


class PromptEncoderConfig(ExportConfig):
    """A text encoder that pipelines call with token ids alone (T5)."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        low, high = ordinary_tokens(self.config)
        return (InputSpec(name="input_ids", shape=("batch_size", "sequence_length"), low=low, high=high),)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="last_hidden_state", axes=TOKENS),)
