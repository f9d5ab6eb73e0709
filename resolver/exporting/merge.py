"""Merges the two graphs of a decoder into one, as optimum-onnx does: an input chooses which of them runs.

The weights are in the file once. They are most of its size, and both graphs have the same.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from typing import Any

USE_CACHE_INPUT = "use_cache_branch"
"""The input that chooses: one boolean, whether cached keys and values are passed."""

_LARGEST_CONSTANT = 64
"""The number of values up to which a constant stays in its branch: onnxruntime looks for shapes and axes there."""


def merge_decoders(first: Any, later: Any) -> Any:
    """The `onnx_ir.Model` of one If node with both graphs. The two models are used up.

    `first` takes no cached keys and values, `later` does. An output that only `first` has, the keys and values of the
    encoder's states, is in the other branch the input that holds them.

    Raises:
        ValueError: an output of `first` is neither an output nor an input of `later`.
    """
    ir = importlib.import_module("onnx_ir")
    inputs: dict[str, Any] = {}
    weights: dict[tuple[Any, ...], Any] = {}
    outputs = _describe_outputs(first.graph, later.graph)
    for name, branch in (("no_past", first.graph), ("with_past", later.graph)):
        _move_inputs(ir, branch, inputs)
        _move_weights(ir, branch, weights)
        _set_outputs(ir, branch, outputs, inputs)
        _rename(branch, name)
    inputs[USE_CACHE_INPUT] = ir.Value(name=USE_CACHE_INPUT, shape=ir.Shape([1]), type=ir.TensorType(ir.DataType.BOOL))
    node = ir.node(
        "If",
        [inputs[USE_CACHE_INPUT]],
        {"then_branch": later.graph, "else_branch": first.graph},
        outputs=[ir.Value(name=name, shape=shape, type=dtype) for name, (shape, dtype) in outputs.items()],
        name="choose_decoder",
    )
    graph = ir.Graph(
        list(inputs.values()),
        list(node.outputs),
        nodes=[node],
        initializers=list(weights.values()),
        opset_imports={**first.opset_imports, **later.opset_imports},
        name="merged",
    )
    return ir.Model(
        graph,
        ir_version=max(first.ir_version, later.ir_version),
        producer_name=first.producer_name,
        producer_version=first.producer_version,
        functions=[*first.functions.values(), *later.functions.values()],
    )


def remove_unread_input(model: Any, name: str) -> None:
    """Remove the input `name` of an `onnx_ir.Model`, if no node reads it."""
    unread = [value for value in model.graph.inputs if value.name == name and not value.uses()]
    for value in unread:
        if not value.is_graph_output():
            model.graph.inputs.remove(value)


def _describe_outputs(first: Any, later: Any) -> dict[str, tuple[Any, Any]]:
    """Name -> shape and type of each output; of those that both graphs have, the shape is that with past."""
    shapes = {value.name: (value.shape, value.type) for value in later.outputs}
    return {value.name: shapes.get(value.name, (value.shape, value.type)) for value in first.outputs}


def _move_inputs(ir: Any, branch: Any, inputs: dict[str, Any]) -> None:
    """Let the branch read the inputs of the merged graph, which get those that it lacks."""
    for value in list(branch.inputs):
        outer = inputs.setdefault(value.name, ir.Value(name=value.name, shape=value.shape, type=value.type))
        ir.convenience.replace_all_uses_with(value, outer, replace_graph_outputs=True)
    branch.inputs.clear()


def _move_weights(ir: Any, branch: Any, weights: dict[tuple[Any, ...], Any]) -> None:
    """Let the branch read the weights of the merged graph, which get those that it lacks."""
    for name, value in list(branch.initializers.items()):
        tensor = value.const_value
        if tensor.size <= _LARGEST_CONSTANT:
            continue
        key = (tensor.dtype, tuple(tensor.shape), hashlib.sha256(tensor.tobytes()).digest())
        if key not in weights:
            taken = {item.name for item in weights.values()}
            outer_name = name if name not in taken else f"{name}_{len(weights)}"
            weights[key] = ir.Value(name=outer_name, shape=value.shape, type=value.type, const_value=tensor)
        ir.convenience.replace_all_uses_with(value, weights[key], replace_graph_outputs=True)
        del branch.initializers[name]


def _set_outputs(ir: Any, branch: Any, outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    """Give the branch these outputs, in this order; a branch cannot return a value of the outer graph itself."""
    own = {value.name: value for value in branch.outputs}
    returned = []
    for name in outputs:
        value = own.get(name)
        if value is None:
            source = name.replace("present", "past_key_values", 1)
            if source not in inputs:
                raise ValueError(f"the decoder with past neither returns {name} nor takes {source}")
            value = inputs[source]
        if value.producer() is None:
            node = ir.node("Identity", [value])
            branch.append(node)
            node.outputs[0].shape, node.outputs[0].type = value.shape, value.type
            value = node.outputs[0]
        returned.append(value)
    branch.outputs.clear()
    branch.outputs.extend(returned)


def _rename(branch: Any, name: str) -> None:
    """Prefix all names of the branch: names are unique in the merged graph."""
    branch.name = name
    for number, node in enumerate(branch.all_nodes()):
        node.name = f"{name}/{node.name or number}"
        for value in node.outputs:
            if value.name:
                value.name = f"{name}/{value.name}"
    for value in list(branch.initializers.values()):
        value.name = f"{name}/{value.name}"
