# The public names, listed once: for type checkers, and at run time for lazy_loader.

# Export a model
from .export import (
    export_onnx as export_onnx,
    export_program as export_program,
)
from .folder import export_onnx_folder as export_onnx_folder

# Import the export configurations that other packages have registered with optimum
from .optimum_import import import_from_optimum as import_from_optimum
