"""Checks the request of an export before the model is traced, and what came out of it.

torch.export and the ONNX converter do not fail where a requested axis or opset could not be kept; these checks do.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from registry import Registry, UnknownModelError, infer_library, infer_task, shipped_registry
from registry.errors import suggest_names
from registry.export.config import ExportConfig
from registry.export.export_registry import list_equivalent_tasks
from registry.export.tensors import evaluate_dim
from resolver.errors import FixedAxisError, MissingFolderError, OpsetError, UnknownArgumentError, WrongHeadError

_SMALLEST_DYNAMIC_SIZE = 2
"""torch.export makes an axis fixed whose traced size is 0 or 1."""
_OLDEST_OPSET = 7
"""The oldest opset to which onnx's converter goes."""


def check_sizes(config: ExportConfig, sizes: Mapping[str, int]) -> None:
    """Accept only sizes of axes that this configuration has, and that leave its dynamic axes dynamic.

    Raises:
        UnknownArgumentError: a name is no size of an axis of the inputs.
        FixedAxisError: a dynamic axis would be traced with a size at which torch.export makes it fixed.
    """
    check_size_names(sizes, config.list_size_names())
    merged = config.merge_sizes(**sizes)
    small = [
        f"axis {axis} of {spec.name} ({dim})"
        for spec in config.build_input_specs()
        for axis, dim in spec.axes.items()
        if evaluate_dim(dim, merged) < _SMALLEST_DYNAMIC_SIZE
    ]
    if small:
        raise FixedAxisError(
            f"{'; '.join(small)}: torch.export makes an axis fixed that is traced with a size below "
            f"{_SMALLEST_DYNAMIC_SIZE}. Trace with a larger size: the exported graph then takes every size, 1 too"
        )


def check_size_names(sizes: Iterable[str], known: Iterable[str]) -> None:
    """Accept only these names of sizes.

    Raises:
        UnknownArgumentError: another name was passed.
    """
    names = sorted(known)
    unknown = [name for name in sizes if name not in names]
    if unknown:
        hints = "".join(suggest_names(name, names) for name in unknown)
        raise UnknownArgumentError(
            f"unknown arguments: {', '.join(unknown)}; the sizes of this export are: {', '.join(names)}{hints}"
        )


def check_head(model: Any, config: ExportConfig) -> None:
    """Accept only a configuration for the task that the model's head serves.

    Accepted are also models whose class no table knows, such as one of a repo's own code, and tasks that no class has
    a head for.

    Raises:
        WrongHeadError: the model's class serves other tasks only.
    """
    registry = shipped_registry()
    tasks = _list_tasks_of_head(model, registry)
    accepted = {name for task in tasks for name in list_equivalent_tasks(task, registry)}
    requested = list_equivalent_tasks(config.task, registry)
    with_heads = {item.task for served in registry.served_tasks.values() for item in served}
    if not tasks or not accepted.isdisjoint(requested) or with_heads.isdisjoint(requested):
        return
    raise WrongHeadError(
        f"{type(model).__name__} has the head for {' or '.join(tasks)}, and this {type(config).__name__} is for "
        f"{config.task}: build the configuration for the task of the model, or load the model for {config.task}"
    )


def _list_tasks_of_head(model: Any, registry: Registry) -> tuple[str, ...]:
    """All tasks that the class of a transformers model serves; empty where that is not known."""
    try:
        if infer_library(model, registry) != "transformers":
            return ()
        inferred = infer_task(model, registry)
    except UnknownModelError:
        return ()
    names = (item.__name__ for item in type(model).__mro__)
    served = next((registry.served_tasks[name] for name in names if name in registry.served_tasks), ())
    tasks = tuple(dict.fromkeys((inferred, *(item.task for item in served))))
    # Pretraining is what some heads were made for, beside the task that they serve.
    return tuple(task for task in tasks if task != "pretraining") or tasks


def check_folder(folder: Path) -> None:
    """Accept only a folder that exists.

    Raises:
        MissingFolderError: it does not exist, or is a file.
    """
    if not folder.is_dir():
        raise MissingFolderError(f"the folder {folder} does not exist: make it, then export again")


def check_opset(opset: int) -> None:
    """Accept only an opset that the installed onnx knows.

    Raises:
        OpsetError: it is older or newer.
    """
    newest = importlib.import_module("onnx").defs.onnx_opset_version()
    if isinstance(opset, bool) or not isinstance(opset, int) or not _OLDEST_OPSET <= opset <= newest:
        raise OpsetError(
            f"opset {opset!r} does not exist; the installed onnx has the opsets {_OLDEST_OPSET} to {newest}"
        )


def check_opset_of_graph(opset: int, actual: int | None) -> None:
    """Accept only a graph of the requested opset.

    Raises:
        OpsetError: the converter gave another one.
    """
    if actual != opset:
        raise OpsetError(
            f"the graph could not be converted to opset {opset}, and has opset {actual}; nothing was written. Export "
            f"with opset={actual}"
        )


def check_axes(program: Any, config: ExportConfig) -> None:
    """Accept only a `torch.export` program in which all axes of inputs and outputs are dynamic that the config names.

    Raises:
        FixedAxisError: tracing made an axis fixed.
    """
    nodes = {node.name: node for node in program.graph.nodes}
    signature = program.graph_signature
    pairs = (
        *zip(config.inputs.items(), signature.user_inputs, strict=True),
        *zip(config.outputs.items(), signature.user_outputs, strict=True),
    )
    fixed = []
    for (name, axes), node_name in pairs:
        shape = nodes[node_name].meta["val"].shape
        fixed += [
            f"axis {axis} of {name} ({dim}) is {shape[axis]}" for axis, dim in axes.items() if _is_fixed(shape[axis])
        ]
    if fixed:
        raise FixedAxisError(
            f"these axes should be dynamic, and tracing made them fixed: {'; '.join(fixed)}; nothing was written"
        )


def _is_fixed(size: Any) -> bool:
    # A symbolic size may stand for one number only.
    return isinstance(size, int) or size.node.expr.is_number
