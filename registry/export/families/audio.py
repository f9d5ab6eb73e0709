"""Configurations of audio models: waveforms, spectrograms, CTC, speech to text, text to speech. Pure."""

from __future__ import annotations

from typing import Any

from registry.export.config import ExportConfig
from registry.export.families.decoder import KeyValueShape
from registry.export.families.seq2seq import DECODER_LENGTH, ENCODER_LENGTH, Behavior, Seq2SeqConfig
from registry.export.families.text import TextEncoderConfig
from registry.export.model_config import choose_token_range, get_first, get_number
from registry.export.outputs import BATCH_AXIS
from registry.export.tensors import Dim, InputSpec, OutputSpec

SAMPLE_RATE_HZ = 16_000
"""The sample rate of most speech models; dummy audio is one second long."""


class WaveformConfig(ExportConfig):
    """wav2vec 2.0 and similar models: a waveform of any length to one hidden state for about every 20 ms."""

    def get_default_sizes(self) -> dict[str, int]:
        return {"sequence_length": SAMPLE_RATE_HZ}

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="input_values", shape=("batch_size", "sequence_length"), kind="float"),)

    @property
    def feature_length(self) -> str:
        """The number of hidden states, as an expression of the waveform's length."""
        return build_convolved_length("sequence_length", self.config)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return tuple(
            OutputSpec(
                name=spec.name,
                axes={
                    axis: self.feature_length if name == "sequence_length" else name for axis, name in spec.axes.items()
                },
                source=spec.source,
            )
            for spec in super().build_output_specs()
        )


class SewConfig(WaveformConfig):
    """SEW: the hidden states are pooled before the attention layers and upsampled after them."""

    @property
    def feature_length(self) -> str:
        return "feature_length"


class SpectrogramConfig(ExportConfig):
    """AST: a spectrogram of fixed length."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        shape = ("batch_size", get_number(self.config, "max_length"), get_number(self.config, "num_mel_bins"))
        return (InputSpec(name="input_values", shape=shape, kind="float"),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        name = "last_hidden_state" if self.task == "feature-extraction" else "logits"
        return (OutputSpec(name=name, axes=BATCH_AXIS),)


class MctctConfig(WaveformConfig):
    """M-CTC-T: a spectrogram of any length."""

    def get_default_sizes(self) -> dict[str, int]:
        return {"sequence_length": 100}

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        shape = ("batch_size", "sequence_length", get_number(self.config, "input_feat_per_channel"))
        return (InputSpec(name="input_features", shape=shape, kind="float"),)

    @property
    def feature_length(self) -> str:
        return "feature_length"


class WhisperConfig(Seq2SeqConfig):
    """Whisper: a spectrogram of 30 seconds to text."""

    HAS_ATTENTION_MASK = False

    def build_encoder_specs(self) -> tuple[InputSpec, ...]:
        frames = 2 * get_number(self.config, "max_source_positions")
        shape = ("batch_size", get_number(self.config, "num_mel_bins"), frames)
        return (InputSpec(name="input_features", shape=shape, kind="float"),)

    @property
    def encoder_output_length(self) -> Dim:
        # The encoder always returns the states of 30 seconds; the decoder takes any number of them.
        return ENCODER_LENGTH if self.behavior is Behavior.DECODER else get_number(self.config, "max_source_positions")

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return self.build_encoder_specs() if self.task == "audio-classification" else super().build_input_specs()

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "audio-classification":
            return (OutputSpec(name="logits", axes=BATCH_AXIS),)
        return super().build_output_specs()


class SpeechToTextConfig(Seq2SeqConfig):
    """Speech2Text: a spectrogram of any length to text; convolutions halve the number of frames."""

    def get_default_sizes(self) -> dict[str, int]:
        return {ENCODER_LENGTH: 100}

    def build_encoder_specs(self) -> tuple[InputSpec, ...]:
        width = get_number(self.config, "input_feat_per_channel") * get_number(self.config, "input_channels", default=1)
        return (InputSpec(name="input_features", shape=("batch_size", ENCODER_LENGTH, width), kind="float"),)

    @property
    def encoder_output_length(self) -> Dim:
        if self.behavior is Behavior.DECODER:
            return ENCODER_LENGTH
        length = ENCODER_LENGTH
        for _ in range(get_number(self.config, "num_conv_layers")):
            length = f"({length} - 1) // 2 + 1"
        return length

    def build_cross_mask_specs(self) -> tuple[InputSpec, ...]:
        # The model's decoder takes the mask of the input frames, and downsamples it itself.
        return ()


class MoonshineConfig(SpeechToTextConfig):
    """Moonshine: a waveform of any length to text."""

    def get_default_sizes(self) -> dict[str, int]:
        return {ENCODER_LENGTH: SAMPLE_RATE_HZ}

    def build_encoder_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="input_values", shape=("batch_size", ENCODER_LENGTH), kind="float"),)

    @property
    def encoder_output_length(self) -> Dim:
        if self.behavior is Behavior.DECODER:
            return ENCODER_LENGTH
        # The kernels and strides are fixed in the model: 127/64, 7/3, 3/2.
        return f"((({ENCODER_LENGTH} - 127) // 64 + 1 - 7) // 3 + 1 - 3) // 2 + 1"

    def get_key_value_shapes(self) -> tuple[KeyValueShape, ...]:
        config = self.config
        attention_heads = get_number(config, "decoder_num_attention_heads")
        count = get_number(config, "decoder_num_key_value_heads", default=attention_heads)
        width = get_number(config, "hidden_size") // attention_heads
        layers = get_number(config, "decoder_num_hidden_layers")
        return (KeyValueShape(head_count=count, key_width=width, value_width=width),) * layers


class VitsConfig(TextEncoderConfig):
    """VITS: a text to a waveform; the model adds random noise."""

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="waveform", axes={0: "batch_size", 1: "n_samples"}),
            OutputSpec(name="spectrogram", axes={0: "batch_size", 2: "num_bins"}),
        )


class SpeechT5Config(Seq2SeqConfig):
    """SpeechT5: a text, a speaker embedding and the frames generated so far to the spectrogram with the next frames."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        mel_bins = get_number(self.config, "num_mel_bins")
        speaker_width = get_number(self.config, "speaker_embedding_dim")
        return (
            *self.build_encoder_specs(),
            *self.build_mask_specs(),
            InputSpec(name="decoder_input_values", shape=("batch_size", DECODER_LENGTH, mel_bins), kind="float"),
            InputSpec(name="speaker_embeddings", shape=("batch_size", speaker_width), kind="float"),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        # A decoder step gives `reduction_factor` frames.
        length = f"{get_number(self.config, 'reduction_factor', default=1)} * {DECODER_LENGTH}"
        return (OutputSpec(name="spectrogram", axes={0: "batch_size", 1: length}),)


class MusicgenConfig(Seq2SeqConfig):
    """MusicGen: a text and the audio codes generated so far, one row per codebook, to the logits of the next codes."""

    @property
    def decoder_config(self) -> Any:
        return self.config.decoder

    @property
    def codebook_count(self) -> int:
        """The number of codebooks; each gives one code per time step."""
        return get_number(self.config.decoder, "num_codebooks")

    def build_encoder_specs(self) -> tuple[InputSpec, ...]:
        low, high = choose_token_range(self.config.text_encoder)
        return (InputSpec(name="input_ids", shape=("batch_size", ENCODER_LENGTH), low=low, high=high),)

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        rows = f"batch_size * {self.codebook_count}"
        codes = InputSpec(
            name="decoder_input_ids", shape=(rows, DECODER_LENGTH), high=get_number(self.config.decoder, "vocab_size")
        )
        return (*self.build_encoder_specs(), *self.build_mask_specs(), codes)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="logits", axes={0: f"batch_size * {self.codebook_count}", 1: DECODER_LENGTH}),)


def build_convolved_length(length: str, config: object) -> str:
    """The length after the feature extractor's convolutions, which have no padding, as an expression of `length`."""
    kernels = get_first(config, "conv_kernel", default=())
    strides = get_first(config, "conv_stride", default=())
    for kernel, stride in zip(kernels, strides, strict=True):
        length = f"({length} - {kernel}) // {stride} + 1"
    return length
