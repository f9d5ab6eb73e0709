"""Exports all graphs that a model needs to generate into one folder, with optimum-onnx's file names.

optimum's `ORTModel...` classes read such a folder: the graphs, the model's config, its generation config and the files
of its tokenizer or processor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from registry import shipped_registry
from registry.export import ExportRegistry, shipped_export_registry
from registry.export.config import ExportConfig
from registry.export.families.seq2seq import DECODER_GRAPH, DECODER_WITH_PAST_GRAPH, MERGED_DECODER_GRAPH
from resolver.exporting.checks import check_folder, check_head, check_opset, check_size_names, check_sizes
from resolver.exporting.export import build_onnx_program
from resolver.exporting.merge import merge_decoders, remove_unread_input
from resolver.exporting.saving import save_model


def export_onnx_folder(
    model: Any,
    task: str,
    folder: Path | str,
    *,
    preprocessors: Iterable[Any] = (),
    exports: ExportRegistry | None = None,
    opset: int | None = None,
    **sizes: int,
) -> dict[str, Path]:
    """Name of each graph -> the path of its ONNX file, of all graphs that a transformers model needs for `task`.

    They are "model"; or, for a model with an encoder and a decoder, "encoder_model" and "decoder_model". With a task
    that ends in "-with-past" the graphs take and return cached keys and values. There are then also
    "decoder_with_past_model", and "decoder_model_merged", which is both decoders in one. The folder is made, if only
    it is missing. `preprocessors` are tokenizers and processors, whose files are written beside. `sizes` are the sizes
    of axes of the traced inputs; each graph uses those that it has.

    Raises:
        UnsupportedModelTypeError, UnsupportedTaskError: there is no configuration for the model and the task.
        UnknownArgumentError: a name in `sizes` is no size of an axis of any graph.
        MissingFolderError: the folder above `folder` does not exist.
        WrongHeadError, FixedAxisError, OpsetError, and errors of torch: as in `export_onnx`.
    """
    folder = Path(folder)
    exports = shipped_export_registry(shipped_registry()) if exports is None else exports
    constructor = exports.get_exporter_config_constructor("onnx", model, task)
    configs: dict[str, ExportConfig] = constructor(model.config).build_graph_configs()
    sizes_by_graph = _split_sizes(configs, sizes)
    for name, config in configs.items():
        check_head(model, config)
        check_sizes(config, sizes_by_graph[name])
        check_opset(config.DEFAULT_ONNX_OPSET if opset is None else opset)
    check_folder(folder if folder.exists() else folder.absolute().parent)

    # Nothing is written before all graphs have been made.
    models = {
        name: build_onnx_program(model, config, opset=opset, **sizes_by_graph[name]).model
        for name, config in configs.items()
    }
    if DECODER_WITH_PAST_GRAPH in models:
        # The cached keys and values of the encoder's states take their place.
        remove_unread_input(models[DECODER_WITH_PAST_GRAPH], "encoder_hidden_states")
    folder.mkdir(exist_ok=True)
    paths = {name: folder / f"{name}.onnx" for name in models}
    for name, onnx_model in models.items():
        save_model(onnx_model, paths[name])
    if DECODER_WITH_PAST_GRAPH in models:
        paths[MERGED_DECODER_GRAPH] = folder / f"{MERGED_DECODER_GRAPH}.onnx"
        merged = merge_decoders(models[DECODER_GRAPH], models[DECODER_WITH_PAST_GRAPH])
        save_model(merged, paths[MERGED_DECODER_GRAPH])
    for item in (model.config, getattr(model, "generation_config", None), *preprocessors):
        if item is not None:
            item.save_pretrained(folder)
    return paths


def _split_sizes(configs: Mapping[str, ExportConfig], sizes: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Name of each graph -> the sizes that it has.

    Raises:
        UnknownArgumentError: no graph has a size of this name.
    """
    names = {name: config.list_size_names() for name, config in configs.items()}
    check_size_names(sizes, frozenset[str]().union(*names.values()))
    return {graph: {name: size for name, size in sizes.items() if name in known} for graph, known in names.items()}
