"""Configurations of the parts of diffusers' pipelines: denoisers, autoencoders, text encoders. Pure."""

from __future__ import annotations

from typing import ClassVar

from registry.export.config import ExportConfig
from registry.export.model_config import choose_token_range, get_first, get_image_size, get_number
from registry.export.outputs import TOKEN_AXES
from registry.export.tensors import Dim, InputSpec, OutputSpec


class LatentConfig(ExportConfig):
    """A model whose input is latents of any height and width."""

    def get_default_sizes(self) -> dict[str, int]:
        height, width = get_image_size(self.config, "sample_size", default=64)
        return {"height": height, "width": width, "latent_height": height, "latent_width": width}

    @property
    def latent_shape(self) -> tuple[Dim, ...]:
        """The shape of the latents."""
        return ("batch_size", get_number(self.config, "in_channels"), "height", "width")

    def build_text_spec(self, *names: str) -> InputSpec:
        """The embeddings of the text; their width is the first of these fields that the config has."""
        shape: tuple[Dim, ...] = ("batch_size", "sequence_length", get_number(self.config, *names))
        return InputSpec(name="encoder_hidden_states", shape=shape, kind="float")


class UNetConfig(LatentConfig):
    """U-Net: noisy latents, the timestep and the text's embeddings to the noise."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return (
            InputSpec(name="sample", shape=self.latent_shape, kind="float"),
            InputSpec(name="timestep", shape=(), low=0, high=1000),
            self.build_text_spec("cross_attention_dim"),
            *self._build_text_time_specs(),
            *self._build_guidance_specs(),
        )

    def _build_text_time_specs(self) -> tuple[InputSpec, ...]:
        if get_first(self.config, "addition_embed_type") != "text_time":
            return ()
        time_id_count = 6
        width = get_number(self.config, "projection_class_embeddings_input_dim")
        width -= time_id_count * get_number(self.config, "addition_time_embed_dim")
        names = (("text_embeds", width), ("time_ids", time_id_count))
        return tuple(
            InputSpec(name=name, shape=("batch_size", size), kind="float", argument=f"added_cond_kwargs.{name}")
            for name, size in names
        )

    def _build_guidance_specs(self) -> tuple[InputSpec, ...]:
        width = get_first(self.config, "time_cond_proj_dim")
        return () if width is None else (InputSpec(name="timestep_cond", shape=("batch_size", width), kind="float"),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: "height", 3: "width"}
        return (OutputSpec(name="out_sample", axes=axes, source="sample"),)


class SD3TransformerConfig(LatentConfig):
    """Stable Diffusion 3: the same as a U-Net, with the pooled embedding of the text."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        pooled = get_number(self.config, "pooled_projection_dim")
        return (
            InputSpec(name="hidden_states", shape=self.latent_shape, kind="float"),
            self.build_text_spec("joint_attention_dim"),
            InputSpec(name="pooled_projections", shape=("batch_size", pooled), kind="float"),
            InputSpec(name="timestep", shape=("batch_size",), low=0, high=1000),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: "height", 3: "width"}
        return (OutputSpec(name="out_hidden_states", axes=axes, source="sample"),)


class FluxTransformerConfig(SD3TransformerConfig):
    """FLUX: latents packed into a sequence of patches, with the positions of patches and tokens."""

    def get_default_sizes(self) -> dict[str, int]:
        return {"packed_height_width": 64}

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        packed: tuple[Dim, ...] = ("batch_size", "packed_height_width", get_number(self.config, "in_channels"))
        pooled = get_number(self.config, "pooled_projection_dim")
        has_guidance = get_first(self.config, "guidance_embeds", default=False)
        guidance = InputSpec(name="guidance", shape=("batch_size",), kind="float", fill="ones")
        return (
            InputSpec(name="hidden_states", shape=packed, kind="float"),
            self.build_text_spec("joint_attention_dim"),
            InputSpec(name="pooled_projections", shape=("batch_size", pooled), kind="float"),
            InputSpec(name="timestep", shape=("batch_size",), kind="float", fill="ones"),
            InputSpec(name="img_ids", shape=("packed_height_width", 3), kind="float", fill="range"),
            InputSpec(name="txt_ids", shape=("sequence_length", 3), kind="float", fill="zeros"),
            *((guidance,) if has_guidance else ()),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 1: "packed_height_width"}
        return (OutputSpec(name="out_hidden_states", axes=axes, source="sample"),)


class SanaTransformerConfig(LatentConfig):
    """Sana: the same as a U-Net, with an attention mask of the text."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return (
            InputSpec(name="hidden_states", shape=self.latent_shape, kind="float"),
            self.build_text_spec("caption_channels"),
            InputSpec(name="timestep", shape=("batch_size",), low=0, high=1000),
            InputSpec(name="encoder_attention_mask", shape=("batch_size", "sequence_length"), fill="ones"),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: "height", 3: "width"}
        return (OutputSpec(name="out_hidden_states", axes=axes, source="sample"),)


class VaePartConfig(LatentConfig):
    """The encoder or decoder of an autoencoder."""

    BLOCKS_FIELD: ClassVar[str] = "block_out_channels"

    @property
    def scale_factor(self) -> int:
        """The ratio of image size to latent size, along each side."""
        return int(2 ** (len(get_first(self.config, self.BLOCKS_FIELD, default=(1,))) - 1))


class VaeEncoderConfig(VaePartConfig):
    """VAE encoder: an image to the parameters of a distribution of latents."""

    METHOD = "encode"

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        channels = get_number(self.config, "in_channels", default=3)
        shape: tuple[Dim, ...] = ("batch_size", channels, "sample_height", "sample_width")
        return (InputSpec(name="sample", shape=shape, kind="float", argument="x"),)

    def get_default_sizes(self) -> dict[str, int]:
        height, width = get_image_size(self.config, "sample_size", default=64)
        return {"sample_height": height, "sample_width": width}

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: f"sample_height // {self.scale_factor}", 3: f"sample_width // {self.scale_factor}"}
        return (OutputSpec(name="latent_parameters", axes=axes, source="latent_dist.parameters"),)


class VaeDecoderConfig(VaePartConfig):
    """VAE decoder: latents to an image."""

    METHOD = "decode"

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        channels = get_number(self.config, "latent_channels")
        shape: tuple[Dim, ...] = ("batch_size", channels, "latent_height", "latent_width")
        return (InputSpec(name="latent_sample", shape=shape, kind="float", argument="z"),)

    def get_default_sizes(self) -> dict[str, int]:
        return {"latent_height": 8, "latent_width": 8}

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 2: f"latent_height * {self.scale_factor}", 3: f"latent_width * {self.scale_factor}"}
        return (OutputSpec(name="sample", axes=axes),)


class DcaeEncoderConfig(VaeEncoderConfig):
    """DC-AE encoder: an image to latents, without a distribution."""

    OPTIMIZE = False  # The attention divides by a sum plus 1e-15, which the optimizer would round to zero.
    BLOCKS_FIELD = "encoder_block_out_channels"

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        (spec,) = super().build_output_specs()
        return (OutputSpec(name="latent_sample", axes=spec.axes, source="latent"),)


class DcaeDecoderConfig(VaeDecoderConfig):
    """DC-AE decoder: latents to an image."""

    OPTIMIZE = False
    BLOCKS_FIELD = "decoder_block_out_channels"


class PromptEncoderConfig(ExportConfig):
    """T5 text encoder: pipelines call it with token ids only."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        low, high = choose_token_range(self.config)
        return (InputSpec(name="input_ids", shape=("batch_size", "sequence_length"), low=low, high=high),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="last_hidden_state", axes=TOKEN_AXES),)
