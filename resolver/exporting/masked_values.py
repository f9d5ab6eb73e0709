"""Mends a translation of transformers for ONNX: an assignment to the places of a mask that may select none.

It gathers from the assigned values also where the mask is false, and takes another tensor there. ONNX Runtime refuses
to gather from no values at all, so one more value is added, which is read only then.
"""

from __future__ import annotations

import importlib
from typing import Any


def pad_masked_values(module: Any) -> None:
    """Add a zero to the values of each `tensor[mask] = values` whose number is known only when the graph runs."""
    torch = importlib.import_module("torch")
    find_unknown = importlib.import_module("torch.fx.experimental.symbolic_shapes").free_unbacked_symbols
    for node in module.graph.find_nodes(op="call_function", target=torch.ops.aten.index_put.default):
        mask, values = node.args[1][0], node.args[2]
        if mask is None or mask.meta["val"].dtype is not torch.bool:
            continue
        example = values.meta["val"]
        if not example.ndim or not find_unknown(example.shape[0]):
            continue
        node.update_arg(2, _append_zeros(torch.ops.aten, module.graph, node, values))
    module.recompile()


def _append_zeros(aten: Any, graph: Any, before: Any, values: Any) -> Any:
    """A node with the values, and one more at the end of the first axis."""
    example = values.meta["val"]
    with graph.inserting_before(before):
        sizes = [
            size if isinstance(size, int) else graph.call_function(aten.sym_size.int, (values, axis))
            for axis, size in enumerate(example.shape[1:], 1)
        ]
        zeros = graph.call_function(aten.new_zeros.default, (values, [1, *sizes]))
        longer = graph.call_function(aten.cat.default, ([values, zeros],))
    zeros.meta["val"] = example.new_zeros([1, *example.shape[1:]])
    longer.meta["val"] = aten.cat.default([example, zeros.meta["val"]])
    return longer
