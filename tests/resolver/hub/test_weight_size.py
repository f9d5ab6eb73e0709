"""The size of the weights in model info, as a table: what the Hub sends, and what no Hub should."""

from __future__ import annotations

from typing import Any

import pytest

from resolver.hub.weight_size import parse_weight_size

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("payload", "parameters", "weight_bytes"),
    [
        ({"safetensors": {"parameters": {"F32": 10}, "total": 10}}, 10, 40),
        ({"safetensors": {"parameters": {"BF16": 10, "F32": 2, "I64": 1}, "total": 13}}, 13, 36),
        ({"safetensors": {"parameters": {"F8_E4M3": 10, "BF16": 1}, "total": 11}}, 11, 12),
        ({"safetensors": {"parameters": {"I32": 10, "F16": 2}, "total": 82}}, 82, None),
        ({"safetensors": {"parameters": {"NEW": 10}, "total": 10}}, 10, None),
        ({"safetensors": {"parameters": {"F32": 10}}}, 10, 40),
        ({"safetensors": {"total": 10}}, 10, None),
        ({"safetensors": {"parameters": {}, "total": 0}}, None, None),
        ({"safetensors": {"parameters": {"F32": True}, "total": "10"}}, None, None),
        ({"safetensors": {"parameters": {"F32": -1}, "total": -1}}, None, None),
        ({"safetensors": {"parameters": {"F32": 2**62}, "total": 2**62}}, 2**62, None),
        ({"safetensors": {"parameters": {"F32": 10**30}, "total": 10**30}}, None, None),
        ({"safetensors": {"parameters": [1], "total": 1.5}}, None, None),
        ({"safetensors": None, "gguf": {"total": 7, "totalFileSize": 99}}, 7, None),
        ({"safetensors": {"parameters": {"F16": 3}, "total": 3}, "gguf": {"total": 7}}, 3, 6),
        ({"gguf": {"architecture": "llama"}}, None, None),
        ({"gguf": [7]}, None, None),
        ({}, None, None),
    ],
    ids=str,
)
def test_size(payload: dict[str, Any], parameters: int | None, weight_bytes: int | None) -> None:
    assert parse_weight_size(payload) == (parameters, weight_bytes)
