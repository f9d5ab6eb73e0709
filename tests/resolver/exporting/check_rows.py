"""Lists axis sizes and tolerances of the checks, for model types that need their own. Pure data."""

from __future__ import annotations

Sizes = dict[str, int]

SIZES: dict[str, tuple[Sizes, Sizes]] = {
    # Model type -> axis sizes of the traced inputs, axis sizes of the second batch.
    "owlvit": ({"sequence_length": 8}, {"sequence_length": 12}),
    # The graph fails for images that are not square.
    "maskformer": ({}, {"height": 96, "width": 96}),
    "owlv2": ({"sequence_length": 8}, {"sequence_length": 12}),
}

TOLERANCES: dict[str, float] = {
    # Model type -> the allowed difference, relative to the largest value of an output.
}

FAILURE_REASONS: dict[tuple[str, str], str] = {
    # (model type, task), or (model type, "*") for all tasks -> why the check fails.
    ("longformer", "*"): "the number of tokens with global attention decides a shape, which torch.export cannot trace",
    ("speecht5", "*"): "the model uses dropout in eval mode too, so two runs differ",
}
