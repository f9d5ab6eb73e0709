"""Configurations of time series models. Pure."""

from __future__ import annotations

from registry.export.config import ExportConfig
from registry.export.model_config import get_number
from registry.export.outputs import BATCH_AXIS
from registry.export.tensors import InputSpec, OutputSpec


class TimeSeriesConfig(ExportConfig):
    """PatchTST and PatchTSMixer: a fixed number of past values of each channel."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        shape = ("batch_size", get_number(self.config, "context_length"), get_number(self.config, "num_input_channels"))
        return (InputSpec(name="past_values", shape=shape, kind="float"),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        name = "last_hidden_state" if self.task == "feature-extraction" else "prediction_outputs"
        return (OutputSpec(name=name, axes=BATCH_AXIS),)
