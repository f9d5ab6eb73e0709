"""Models that listen, and those that speak: waves, spectrograms, CTC, speech to text, text to speech."""

from __future__ import annotations

from typing import Any

from registry.export.config import ExportConfig
from registry.export.families.decoder import Heads
from registry.export.families.seq2seq import DECODED, ENCODED, Behavior, Seq2SeqConfig
from registry.export.families.text import TextEncoderConfig
from registry.export.model_config import first_of, number_of, ordinary_tokens
from registry.export.outputs import BATCH
from registry.export.tensors import Dim, InputSpec, OutputSpec

SAMPLES = 16_000
"""One second at the rate that speech models hear."""


class WaveConfig(ExportConfig):
    """wav2vec 2.0 and its kin: `input_values` of any length, to a state for every twentieth of a second or so."""

    def default_sizes(self) -> dict[str, int]:
        return {"sequence_length": SAMPLES}

    def input_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="input_values", shape=("batch_size", "sequence_length"), kind="float"),)

    @property
    def feature_length(self) -> str:
        """How many states come of a wave."""
        return convolved("sequence_length", self.config)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return tuple(
            OutputSpec(
                name=spec.name,
                axes={
                    axis: self.feature_length if name == "sequence_length" else name for axis, name in spec.axes.items()
                },
                source=spec.source,
            )
            for spec in super().output_specs()
        )


class SqueezedWaveConfig(WaveConfig):
    """SEW: the states are squeezed for the attention, then stretched again."""

    @property
    def feature_length(self) -> str:
        return "feature_length"


class SpectrogramConfig(ExportConfig):
    """AST: a spectrogram of a fixed length."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        shape = ("batch_size", number_of(self.config, "max_length"), number_of(self.config, "num_mel_bins"))
        return (InputSpec(name="input_values", shape=shape, kind="float"),)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        name = "last_hidden_state" if self.task == "feature-extraction" else "logits"
        return (OutputSpec(name=name, axes=BATCH),)


class CepstrumConfig(WaveConfig):
    """M-CTC-T: a row of spectra of any length."""

    def default_sizes(self) -> dict[str, int]:
        return {"sequence_length": 100}

    def input_specs(self) -> tuple[InputSpec, ...]:
        shape = ("batch_size", "sequence_length", number_of(self.config, "input_feat_per_channel"))
        return (InputSpec(name="input_features", shape=shape, kind="float"),)

    @property
    def feature_length(self) -> str:
        return "feature_length"


class WhisperConfig(Seq2SeqConfig):
    """A spectrogram of half a minute, to text."""

    MASKED = False

    def encoder_specs(self) -> tuple[InputSpec, ...]:
        frames = 2 * number_of(self.config, "max_source_positions")
        shape = ("batch_size", number_of(self.config, "num_mel_bins"), frames)
        return (InputSpec(name="input_features", shape=shape, kind="float"),)

    @property
    def encoded(self) -> Dim:
        return number_of(self.config, "max_source_positions")

    def input_specs(self) -> tuple[InputSpec, ...]:
        return self.encoder_specs() if self.task == "audio-classification" else super().input_specs()

    def output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "audio-classification":
            return (OutputSpec(name="logits", axes=BATCH),)
        return super().output_specs()


class SpeechToTextConfig(Seq2SeqConfig):
    """A row of spectra of any length, thinned out by convolutions, to text."""

    def default_sizes(self) -> dict[str, int]:
        return {ENCODED: 100}

    def encoder_specs(self) -> tuple[InputSpec, ...]:
        width = number_of(self.config, "input_feat_per_channel") * number_of(self.config, "input_channels", default=1)
        return (InputSpec(name="input_features", shape=("batch_size", ENCODED, width), kind="float"),)

    @property
    def encoded(self) -> Dim:
        if self.behavior is Behavior.DECODER:
            return ENCODED
        length = ENCODED
        for _ in range(number_of(self.config, "num_conv_layers")):
            length = f"({length} - 1) // 2 + 1"
        return length

    def cross_mask_specs(self) -> tuple[InputSpec, ...]:
        # The model's own decoder wants the mask of the spectra, which it thins out itself.
        return ()


class MoonshineConfig(SpeechToTextConfig):
    """A wave of any length, to text."""

    def default_sizes(self) -> dict[str, int]:
        return {ENCODED: SAMPLES}

    def encoder_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="input_values", shape=("batch_size", ENCODED), kind="float"),)

    @property
    def encoded(self) -> Dim:
        if self.behavior is Behavior.DECODER:
            return ENCODED
        # The kernels and strides are fixed in the model: 127/64, 7/3, 3/2.
        return f"((({ENCODED} - 127) // 64 + 1 - 7) // 3 + 1 - 3) // 2 + 1"

    def heads(self) -> tuple[Heads, ...]:
        config = self.config
        attention = number_of(config, "decoder_num_attention_heads")
        count = number_of(config, "decoder_num_key_value_heads", default=attention)
        width = number_of(config, "hidden_size") // attention
        layers = number_of(config, "decoder_num_hidden_layers")
        return (Heads(count=count, key_width=width, value_width=width),) * layers


class VitsConfig(TextEncoderConfig):
    """A text to a wave, with noise of the model's own."""

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="waveform", axes={0: "batch_size", 1: "n_samples"}),
            OutputSpec(name="spectrogram", axes={0: "batch_size", 2: "num_bins"}),
        )


class SpeechT5Config(Seq2SeqConfig):
    """A text, a voice and the spectra so far, to all spectra up to the next."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        bins = number_of(self.config, "num_mel_bins")
        voice = number_of(self.config, "speaker_embedding_dim")
        return (
            *self.encoder_specs(),
            *self.mask_specs(),
            InputSpec(name="decoder_input_values", shape=("batch_size", DECODED, bins), kind="float"),
            InputSpec(name="speaker_embeddings", shape=("batch_size", voice), kind="float"),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        # So many spectra at each step.
        length = f"{number_of(self.config, 'reduction_factor', default=1)} * {DECODED}"
        return (OutputSpec(name="spectrogram", axes={0: "batch_size", 1: length}),)


class MusicgenConfig(Seq2SeqConfig):
    """A text and the codes so far, one row for each code book, to the next code of each."""

    @property
    def decoder_config(self) -> Any:
        return self.config.decoder

    @property
    def code_books(self) -> int:
        """How many codes make a moment of sound."""
        return number_of(self.config.decoder, "num_codebooks")

    def encoder_specs(self) -> tuple[InputSpec, ...]:
        low, high = ordinary_tokens(self.config.text_encoder)
        return (InputSpec(name="input_ids", shape=("batch_size", ENCODED), low=low, high=high),)

    def input_specs(self) -> tuple[InputSpec, ...]:
        rows = f"batch_size * {self.code_books}"
        codes = InputSpec(
            name="decoder_input_ids", shape=(rows, DECODED), high=number_of(self.config.decoder, "vocab_size")
        )
        return (*self.encoder_specs(), *self.mask_specs(), codes)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="logits", axes={0: f"batch_size * {self.code_books}", 1: DECODED}),)


def convolved(length: str, config: object) -> str:
    """The length that the feature extractor's convolutions, without padding, leave of `length`."""
    kernels = first_of(config, "conv_kernel", default=())
    strides = first_of(config, "conv_stride", default=())
    for kernel, stride in zip(kernels, strides, strict=True):
        length = f"({length} - {kernel}) // {stride} + 1"
    return length
