"""Generates dummy inputs, as numpy arrays or torch tensors. Imports numpy and torch when the first one is generated."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Mapping
from typing import Any

from registry.export.tensors import InputSpec, evaluate_dim

_INT_DTYPES = {"int64", "int32", "int8"}
_FLOAT_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def generate_dummy_input(
    spec: InputSpec,
    sizes: Mapping[str, int],
    framework: str = "pt",
    *,
    int_dtype: str = "int64",
    float_dtype: str = "fp32",
) -> Any:
    """A tensor as `spec` describes it. The same spec and sizes give the same values.

    Raises:
        ValueError: the dtype or framework is unknown, or bfloat16 is requested for numpy.
        KeyError: the name of an axis has no size.
    """
    if int_dtype not in _INT_DTYPES or float_dtype not in _FLOAT_DTYPES:
        raise ValueError(f"unknown dtype in int_dtype={int_dtype!r}, float_dtype={float_dtype!r}")
    if framework not in ("pt", "np"):
        raise ValueError(f"dummy inputs exist for the frameworks 'pt' and 'np', not for {framework!r}")
    array = _generate_array(spec, sizes)
    numpy = importlib.import_module("numpy")
    if spec.kind == "int":
        array = array.astype(getattr(numpy, int_dtype))
    dtype = _FLOAT_DTYPES[float_dtype]
    if framework == "np":
        if spec.kind == "float" and dtype == "bfloat16":
            raise ValueError("numpy has no bfloat16")
        return array.astype(dtype) if spec.kind == "float" else array
    torch = importlib.import_module("torch")
    tensor = torch.from_numpy(numpy.ascontiguousarray(array) if array.ndim else array)
    return tensor.to(getattr(torch, dtype)) if spec.kind == "float" else tensor


def _generate_array(spec: InputSpec, sizes: Mapping[str, int]) -> Any:
    numpy = importlib.import_module("numpy")
    shape = tuple(evaluate_dim(dim, sizes) for dim in spec.shape)
    dtype = {"int": numpy.int64, "float": numpy.float32, "bool": numpy.bool_}[spec.kind]
    # The seed is made from the name: two inputs of a model differ, two runs give the same values.
    random = numpy.random.default_rng(zlib.crc32(spec.name.encode()))
    match spec.fill:
        case "ones":
            array = numpy.ones(shape, dtype)
        case "zeros":
            array = numpy.zeros(shape, dtype)
        case "range":
            start = evaluate_dim(spec.start, sizes)
            array = numpy.broadcast_to(numpy.arange(start, start + shape[-1], dtype=dtype), shape).copy()
        case "boxes":
            corners = random.integers(0, spec.high, (*shape[:-1], 2, 2)).cumsum(axis=-2) // 2
            array = corners.reshape(shape).astype(dtype)
        case "random" if spec.kind == "float":
            array = random.standard_normal(shape).astype(dtype)
        case "random":
            array = random.integers(spec.low, max(spec.high, spec.low + 1), shape).astype(dtype)
        case _:
            raise ValueError(f"unknown fill {spec.fill!r} of the input {spec.name!r}")
    for position, value in spec.fixed:
        array[..., position] = value
    return array
