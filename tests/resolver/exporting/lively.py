"""Makes a model with random weights lively: what it generates then depends on all earlier tokens."""

from __future__ import annotations

from typing import Any


def make_lively(model: Any) -> Any:
    """The model with larger weights. With the usual ones, its next token depends on the last token only."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)
    return model
