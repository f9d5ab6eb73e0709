# The public names, listed once: for type checkers, and at run time for lazy_loader.

# Export a model
from .export import (
    export_onnx as export_onnx,
    export_program as export_program,
)

# Take over what other packages have registered with optimum
from .optimum_import import adopt as adopt
