"""Configurations of encoder-decoder models, whole or in parts, with or without cached keys and values. Pure."""

from __future__ import annotations

import enum
from typing import Any, ClassVar, Self

from registry.export.config import ExportConfig
from registry.export.families.decoder import KeyValueShape, TextDecoderConfig, WithPastConfig
from registry.export.model_config import choose_token_range, get_number
from registry.export.tensors import Dim, InputSpec, OutputSpec

ENCODER_LENGTH = "encoder_sequence_length"
DECODER_LENGTH = "decoder_sequence_length"

ENCODER_GRAPH = "encoder_model"
DECODER_GRAPH = "decoder_model"
DECODER_WITH_PAST_GRAPH = "decoder_with_past_model"
MERGED_DECODER_GRAPH = "decoder_model_merged"
"""The decoder and the decoder with past in one graph, which an input switches."""

GENERATION_TASKS = ("automatic-speech-recognition", "image-to-text", "text2text-generation")
"""The tasks for which encoder and decoder are separate graphs without past too."""


class Behavior(enum.StrEnum):
    """The part of the model that is exported."""

    MONOLITH = "monolith"
    ENCODER = "encoder"
    DECODER = "decoder"


class Seq2SeqConfig(WithPastConfig):
    """The encoder's inputs and `decoder_input_ids`.

    The decoder part takes `input_ids`, `encoder_hidden_states` and `encoder_attention_mask`. With past, the keys and
    values of the encoder's hidden states are cached too; the decoder returns them only if it did not take them.
    """

    HAS_ATTENTION_MASK: ClassVar[bool] = True
    """Whether the encoder takes an `attention_mask`."""

    def __init__(
        self,
        config: Any,
        task: str = "feature-extraction",
        int_dtype: str = "int64",
        float_dtype: str = "fp32",
        use_past: bool = False,
        use_past_in_inputs: bool = False,
        behavior: str = Behavior.MONOLITH,
        preprocessors: list[Any] | None = None,
    ) -> None:
        super().__init__(config, task, int_dtype, float_dtype, use_past, use_past_in_inputs, preprocessors)
        self.behavior = Behavior(behavior)

    def with_behavior(self, behavior: str, use_past: bool = False, use_past_in_inputs: bool = False) -> Self:
        """The configuration of another part of the same model."""
        return type(self)(
            self.config,
            task=self.task,
            int_dtype=self.int_dtype,
            float_dtype=self.float_dtype,
            use_past=use_past,
            use_past_in_inputs=use_past_in_inputs,
            behavior=behavior,
            preprocessors=self.preprocessors,
        )

    def build_part_configs(self) -> dict[str, Self]:
        """Graph name -> configuration, of the graphs that generation needs: encoder, decoder, decoder with past."""
        configs = {
            ENCODER_GRAPH: self.with_behavior(Behavior.ENCODER),
            DECODER_GRAPH: self.with_behavior(Behavior.DECODER, use_past=self.use_past),
        }
        if self.use_past:
            configs[DECODER_WITH_PAST_GRAPH] = self.with_behavior(
                Behavior.DECODER, use_past=True, use_past_in_inputs=True
            )
        return configs

    def build_graph_configs(self) -> dict[str, ExportConfig]:
        if self.behavior is Behavior.MONOLITH and (self.use_past or self.task in GENERATION_TASKS):
            return {**self.build_part_configs()}
        return super(WithPastConfig, self).build_graph_configs()

    def get_exported_module(self, model: Any) -> Any:
        if self.behavior is not Behavior.ENCODER:
            return model
        try:
            encoder = model.get_encoder()
        except (AttributeError, NotImplementedError):
            encoder = None
        # optimum's exporters pass the encoder itself.
        return model if encoder is None else encoder

    def build_encoder_specs(self) -> tuple[InputSpec, ...]:
        """The inputs of the encoder, without the attention mask."""
        low, high = choose_token_range(self.config)
        return (InputSpec(name="input_ids", shape=("batch_size", ENCODER_LENGTH), low=low, high=high),)

    def build_mask_specs(self) -> tuple[InputSpec, ...]:
        """The attention mask of the encoder's input."""
        return (
            (InputSpec(name="attention_mask", shape=("batch_size", ENCODER_LENGTH), fill="ones"),)
            if self.HAS_ATTENTION_MASK
            else ()
        )

    def build_cross_mask_specs(self) -> tuple[InputSpec, ...]:
        """The attention mask of the encoder's hidden states, as an input of the decoder part."""
        return tuple(
            InputSpec(
                name="encoder_attention_mask",
                shape=("batch_size", self.encoder_output_length),
                fill="ones",
                argument=spec.name,
            )
            for spec in self.build_mask_specs()
        )

    @property
    def encoder_output_length(self) -> Dim:
        """The number of hidden states that the encoder returns."""
        return ENCODER_LENGTH

    @property
    def encoder_width(self) -> int:
        """The width of a hidden state of the encoder."""
        return get_number(self.config, "d_model", "hidden_size")

    @property
    def decoder_config(self) -> Any:
        """The config of the decoder."""
        return self.config

    def get_key_value_shapes(self) -> tuple[KeyValueShape, ...]:
        """The shape of the cached keys and values of each layer of the decoder."""
        config = self.decoder_config
        layers = get_number(config, "num_decoder_layers", "decoder_layers", "decoder_num_hidden_layers", "num_layers")
        count = get_number(
            config,
            "decoder_num_key_value_heads",
            "decoder_attention_heads",
            "num_attention_heads",
            "num_heads",
        )
        attention_heads = get_number(
            config, "decoder_attention_heads", "num_attention_heads", "num_heads", default=count
        )
        hidden = get_number(config, "d_model", "hidden_size")
        width = get_number(config, "d_kv", "head_dim", default=hidden // attention_heads)
        return (KeyValueShape(head_count=count, key_width=width, value_width=width),) * layers

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        if self.behavior is Behavior.ENCODER:
            return (*self.build_encoder_specs(), *self.build_mask_specs())
        is_decoder_part = self.behavior is Behavior.DECODER
        low, high = choose_token_range(self.decoder_config)
        new = InputSpec(
            name="input_ids" if is_decoder_part else "decoder_input_ids",
            shape=("batch_size", DECODER_LENGTH),
            low=low,
            high=high,
            argument="decoder_input_ids",
        )
        if not is_decoder_part:
            return (*self.build_encoder_specs(), *self.build_mask_specs(), new, *self.build_past_inputs())
        states = InputSpec(
            name="encoder_hidden_states",
            shape=("batch_size", self.encoder_output_length, self.encoder_width),
            kind="float",
            argument="encoder_outputs.last_hidden_state",
        )
        return (new, states, *self.build_cross_mask_specs(), *self.build_past_inputs())

    def build_past_inputs(self) -> tuple[InputSpec, ...]:
        """Cached keys and values of previous tokens and encoder states; empty unless `use_past_in_inputs`."""
        if not self.use_past_in_inputs:
            return ()
        specs = []
        for layer, cached in enumerate(self.get_key_value_shapes()):
            for side, length in (("decoder", "past_decoder_sequence_length"), ("encoder", self.encoder_output_length)):
                for part, width in (("key", cached.key_width), ("value", cached.value_width)):
                    shape = ("batch_size", cached.head_count, length, width)
                    specs.append(InputSpec(name=f"past_key_values.{layer}.{side}.{part}", shape=shape, kind="float"))
        return tuple(specs)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        states = {
            0: "batch_size",
            **({1: self.encoder_output_length} if isinstance(self.encoder_output_length, str) else {}),
        }
        if self.behavior is Behavior.ENCODER:
            return (OutputSpec(name="last_hidden_state", axes=states),)
        name = "last_hidden_state" if self.task == "feature-extraction" else "logits"
        is_whole = self.behavior is Behavior.MONOLITH
        return (
            OutputSpec(name=name, axes={0: "batch_size", 1: DECODER_LENGTH}),
            *self.build_present_outputs(),
            *((OutputSpec(name="encoder_last_hidden_state", axes=states),) if is_whole else ()),
        )

    def build_present_outputs(self) -> tuple[OutputSpec, ...]:
        """Cached keys and values; those of the encoder's hidden states only if they are not an input."""
        if not self.use_past:
            return ()
        length = f"past_decoder_sequence_length + {DECODER_LENGTH}" if self.use_past_in_inputs else DECODER_LENGTH
        sides = {"decoder": {0: "batch_size", 2: length}}
        if not self.use_past_in_inputs:
            sides["encoder"] = {
                0: "batch_size",
                **({2: self.encoder_output_length} if isinstance(self.encoder_output_length, str) else {}),
            }
        return tuple(
            OutputSpec(
                name=f"present.{layer}.{side}.{part}", axes=axes, source=f"past_key_values.{layer}.{side}.{part}"
            )
            for layer in range(len(self.get_key_value_shapes()))
            for side, axes in sides.items()
            for part in ("key", "value")
        )


class T5Config(Seq2SeqConfig):
    """T5 and models with the same inputs and outputs."""


class BartConfig(Seq2SeqConfig):
    """BART and similar models: they also classify texts, and the decoder alone serves text generation."""

    @property
    def decoder_only_config(self) -> TextDecoderConfig | None:
        """The configuration of the decoder without an encoder, for text generation; None for other tasks."""
        if self.task != "text-generation":
            return None
        return BartDecoderConfig(
            self.config,
            task=self.task,
            int_dtype=self.int_dtype,
            float_dtype=self.float_dtype,
            use_past=self.use_past,
            use_past_in_inputs=self.use_past_in_inputs,
        )

    def build_graph_configs(self) -> dict[str, ExportConfig]:
        decoder_only = self.decoder_only_config
        return super().build_graph_configs() if decoder_only is None else decoder_only.build_graph_configs()

    @property
    def reads_text_twice(self) -> bool:
        """Whether the encoder and the decoder read the same text."""
        return self.task in ("text-classification", "question-answering")

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        if self.decoder_only_config is not None:
            return self.decoder_only_config.build_input_specs()
        if not self.reads_text_twice:
            return super().build_input_specs()
        low, high = choose_token_range(self.config)
        # BART classifies by the last end token, and all texts must have the same number of them.
        end = ((-1, get_number(self.config, "eos_token_id", default=2)),)
        shape = ("batch_size", "sequence_length")
        return (
            InputSpec(name="input_ids", shape=shape, low=low, high=high, fixed=end),
            InputSpec(name="attention_mask", shape=shape, fill="ones"),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        if self.decoder_only_config is not None:
            return self.decoder_only_config.build_output_specs()
        if self.reads_text_twice:
            return super(WithPastConfig, self).build_output_specs()
        return super().build_output_specs()


class BartDecoderConfig(TextDecoderConfig):
    """The decoder of BART without the encoder."""

    def get_key_value_shapes(self) -> tuple[KeyValueShape, ...]:
        count = get_number(self.config, "decoder_attention_heads")
        width = get_number(self.config, "d_model") // count
        layers = get_number(self.config, "decoder_layers")
        return (KeyValueShape(head_count=count, key_width=width, value_width=width),) * layers


class EncoderDecoderConfig(Seq2SeqConfig):
    """A pair of an encoder and a decoder that have their own configs."""

    @property
    def decoder_config(self) -> Any:
        return self.config.decoder

    @property
    def encoder_width(self) -> int:
        return get_number(self.config.encoder, "hidden_size", "d_model")

    def build_encoder_specs(self) -> tuple[InputSpec, ...]:
        low, high = choose_token_range(self.config.encoder)
        return (InputSpec(name="input_ids", shape=("batch_size", ENCODER_LENGTH), low=low, high=high),)

    def get_key_value_shapes(self) -> tuple[KeyValueShape, ...]:
        config = self.decoder_config
        layers = get_number(config, "decoder_layers", "num_hidden_layers", "n_layer")
        count = get_number(config, "decoder_attention_heads", "num_attention_heads", "n_head")
        width = get_number(config, "d_model", "hidden_size", "n_embd") // count
        return (KeyValueShape(head_count=count, key_width=width, value_width=width),) * layers
