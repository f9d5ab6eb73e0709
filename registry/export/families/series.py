"""Models of time series."""

from __future__ import annotations

from registry.export.config import ExportConfig
from registry.export.model_config import number_of
from registry.export.outputs import BATCH
from registry.export.tensors import InputSpec, OutputSpec


class SeriesConfig(ExportConfig):
    """PatchTST and PatchTSMixer: as many past values of each channel as the model was made for."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        shape = ("batch_size", number_of(self.config, "context_length"), number_of(self.config, "num_input_channels"))
        return (InputSpec(name="past_values", shape=shape, kind="float"),)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        name = "last_hidden_state" if self.task == "feature-extraction" else "prediction_outputs"
        return (OutputSpec(name=name, axes=BATCH),)
