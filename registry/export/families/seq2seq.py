"""Models with an encoder and a decoder, whole or in parts, with or without cached keys and values."""

from __future__ import annotations

import enum
from typing import Any, ClassVar, Self

from registry.export.families.decoder import Heads, TextDecoderConfig, WithPastConfig
from registry.export.model_config import number_of, ordinary_tokens
from registry.export.tensors import Dim, InputSpec, OutputSpec

ENCODED = "encoder_sequence_length"
DECODED = "decoder_sequence_length"


class Behavior(enum.StrEnum):
    """What part of the model is exported."""

    MONOLITH = "monolith"
    ENCODER = "encoder"
    DECODER = "decoder"


class Seq2SeqConfig(WithPastConfig):
    """What goes into the encoder, its states or both, and `decoder_input_ids`.

    A decoder alone takes `input_ids`, `encoder_hidden_states` and `encoder_attention_mask`. With a past, the keys and
    values of the encoder's states are cached as well, and the decoder gives them back only where it made them.
    """

    MASKED: ClassVar[bool] = True
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
        """The configuration of a part of the same model."""
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

    def parts(self) -> dict[str, Self]:
        """Name of each graph that generation needs -> its configuration: encoder, decoder, decoder with past."""
        parts = {
            "encoder_model": self.with_behavior(Behavior.ENCODER),
            "decoder_model": self.with_behavior(Behavior.DECODER, use_past=self.use_past),
        }
        if self.use_past:
            parts["decoder_with_past_model"] = self.with_behavior(
                Behavior.DECODER, use_past=True, use_past_in_inputs=True
            )
        return parts

    def part_of(self, model: Any) -> Any:
        return model.get_encoder() if self.behavior is Behavior.ENCODER else model

    def encoder_specs(self) -> tuple[InputSpec, ...]:
        """What goes into the encoder, without the mask."""
        low, high = ordinary_tokens(self.config)
        return (InputSpec(name="input_ids", shape=("batch_size", ENCODED), low=low, high=high),)

    def mask_specs(self) -> tuple[InputSpec, ...]:
        """What of the encoder's input counts, as the encoder takes it."""
        return (InputSpec(name="attention_mask", shape=("batch_size", ENCODED), fill="ones"),) if self.MASKED else ()

    def cross_mask_specs(self) -> tuple[InputSpec, ...]:
        """What of the encoder's states counts, as a decoder alone takes it."""
        return tuple(
            InputSpec(
                name="encoder_attention_mask", shape=("batch_size", self.encoded), fill="ones", argument=spec.name
            )
            for spec in self.mask_specs()
        )

    @property
    def encoded(self) -> Dim:
        """How many states the encoder gives."""
        return ENCODED

    @property
    def encoder_width(self) -> int:
        """How wide a state of the encoder is."""
        return number_of(self.config, "d_model", "hidden_size")

    @property
    def decoder_config(self) -> Any:
        """The config of the decoder."""
        return self.config

    def heads(self) -> tuple[Heads, ...]:
        """What is cached of each layer of the decoder."""
        config = self.decoder_config
        layers = number_of(config, "num_decoder_layers", "decoder_layers", "decoder_num_hidden_layers", "num_layers")
        count = number_of(
            config,
            "decoder_num_key_value_heads",
            "decoder_attention_heads",
            "num_attention_heads",
            "num_heads",
        )
        attention = number_of(config, "decoder_attention_heads", "num_attention_heads", "num_heads", default=count)
        hidden = number_of(config, "d_model", "hidden_size")
        width = number_of(config, "d_kv", "head_dim", default=hidden // attention)
        return (Heads(count=count, key_width=width, value_width=width),) * layers

    def input_specs(self) -> tuple[InputSpec, ...]:
        if self.behavior is Behavior.ENCODER:
            return (*self.encoder_specs(), *self.mask_specs())
        alone = self.behavior is Behavior.DECODER
        low, high = ordinary_tokens(self.decoder_config)
        new = InputSpec(
            name="input_ids" if alone else "decoder_input_ids",
            shape=("batch_size", DECODED),
            low=low,
            high=high,
            argument="decoder_input_ids",
        )
        if not alone:
            return (*self.encoder_specs(), *self.mask_specs(), new, *self.past_inputs())
        states = InputSpec(
            name="encoder_hidden_states",
            shape=("batch_size", self.encoded, self.encoder_width),
            kind="float",
            argument="encoder_outputs.last_hidden_state",
        )
        return (new, states, *self.cross_mask_specs(), *self.past_inputs())

    def past_inputs(self) -> tuple[InputSpec, ...]:
        """Cached keys and values of the tokens before and of the encoder's states; none unless `use_past_in_inputs`."""
        if not self.use_past_in_inputs:
            return ()
        specs = []
        for layer, heads in enumerate(self.heads()):
            for side, length in (("decoder", "past_decoder_sequence_length"), ("encoder", self.encoded)):
                for part, width in (("key", heads.key_width), ("value", heads.value_width)):
                    shape = ("batch_size", heads.count, length, width)
                    specs.append(InputSpec(name=f"past_key_values.{layer}.{side}.{part}", shape=shape, kind="float"))
        return tuple(specs)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        states = {0: "batch_size", **({1: self.encoded} if isinstance(self.encoded, str) else {})}
        if self.behavior is Behavior.ENCODER:
            return (OutputSpec(name="last_hidden_state", axes=states),)
        name = "last_hidden_state" if self.task == "feature-extraction" else "logits"
        whole = self.behavior is Behavior.MONOLITH
        return (
            OutputSpec(name=name, axes={0: "batch_size", 1: DECODED}),
            *self.present_outputs(),
            *((OutputSpec(name="encoder_last_hidden_state", axes=states),) if whole else ()),
        )

    def present_outputs(self) -> tuple[OutputSpec, ...]:
        """Cached keys and values; those of the encoder's states only where they did not come in."""
        if not self.use_past:
            return ()
        grown = f"past_decoder_sequence_length + {DECODED}" if self.use_past_in_inputs else DECODED
        sides = {"decoder": {0: "batch_size", 2: grown}}
        if not self.use_past_in_inputs:
            sides["encoder"] = {0: "batch_size", **({2: self.encoded} if isinstance(self.encoded, str) else {})}
        return tuple(
            OutputSpec(
                name=f"present.{layer}.{side}.{part}", axes=axes, source=f"past_key_values.{layer}.{side}.{part}"
            )
            for layer in range(len(self.heads()))
            for side, axes in sides.items()
            for part in ("key", "value")
        )


class T5Config(Seq2SeqConfig):
    """T5 and its kin."""


class BartConfig(Seq2SeqConfig):
    """BART and its kin, whose decoder also writes alone (text generation) and which also classify a whole text."""

    @property
    def alone(self) -> TextDecoderConfig | None:
        """The configuration of the decoder alone, where that is what the task is of."""
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

    @property
    def is_read_at_once(self) -> bool:
        """Whether the decoder reads the same text again."""
        return self.task in ("text-classification", "question-answering")

    def input_specs(self) -> tuple[InputSpec, ...]:
        if self.alone is not None:
            return self.alone.input_specs()
        if not self.is_read_at_once:
            return super().input_specs()
        low, high = ordinary_tokens(self.config)
        # A text is classified by its last end token, of which all texts must have as many.
        end = ((-1, number_of(self.config, "eos_token_id", default=2)),)
        shape = ("batch_size", "sequence_length")
        return (
            InputSpec(name="input_ids", shape=shape, low=low, high=high, fixed=end),
            InputSpec(name="attention_mask", shape=shape, fill="ones"),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        if self.alone is not None:
            return self.alone.output_specs()
        return super(WithPastConfig, self).output_specs() if self.is_read_at_once else super().output_specs()


class BartDecoderConfig(TextDecoderConfig):
    """The decoder of BART alone, without an encoder."""

    def heads(self) -> tuple[Heads, ...]:
        count = number_of(self.config, "decoder_attention_heads")
        width = number_of(self.config, "d_model") // count
        return (Heads(count=count, key_width=width, value_width=width),) * number_of(self.config, "decoder_layers")


class PairConfig(Seq2SeqConfig):
    """An encoder and a decoder put together, each with a config of its own."""

    @property
    def decoder_config(self) -> Any:
        return self.config.decoder

    @property
    def encoder_width(self) -> int:
        return number_of(self.config.encoder, "hidden_size", "d_model")

    def encoder_specs(self) -> tuple[InputSpec, ...]:
        low, high = ordinary_tokens(self.config.encoder)
        return (InputSpec(name="input_ids", shape=("batch_size", ENCODED), low=low, high=high),)

    def heads(self) -> tuple[Heads, ...]:
        config = self.decoder_config
        layers = number_of(config, "decoder_layers", "num_hidden_layers", "n_layer")
        count = number_of(config, "decoder_attention_heads", "num_attention_heads", "n_head")
        width = number_of(config, "d_model", "hidden_size", "n_embd") // count
        return (Heads(count=count, key_width=width, value_width=width),) * layers
