"""Lengths and tolerances of the checks, for model types that need others. Data only."""

from __future__ import annotations

Sizes = dict[str, int]

SIZES: dict[str, tuple[Sizes, Sizes]] = {
    # Model type -> lengths while it is traced, lengths of the second batch.
    "owlvit": ({"sequence_length": 8}, {"sequence_length": 12}),
    "owlv2": ({"sequence_length": 8}, {"sequence_length": 12}),
}

TOLERANCES: dict[str, float] = {
    # Model type -> how far the outputs may be apart, in parts of an output's largest value.
}

KNOWN: dict[tuple[str, str], str] = {
    # (model type, task), or (model type, "*") -> why it cannot be exported, in words.
    ("longformer", "*"): "how many tokens attend to all decides a shape, which torch.export cannot trace",
    ("vits", "*"): "the graph draws noise of its own: no two runs are alike",
    ("speecht5", "*"): "the model drops values out at random in use too: no two runs are alike",
}
