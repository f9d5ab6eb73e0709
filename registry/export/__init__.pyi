# The public names, listed once: for type checkers, and at run time for lazy_loader.

# Which configuration exports which model
# What an export configuration says
from .config import ExportConfig as ExportConfig
from .defaults import shipped_export_registry as shipped_export_registry

# Errors
from .export_registry import (
    ExportRegistry as ExportRegistry,
    UnsupportedModelTypeError as UnsupportedModelTypeError,
    UnsupportedTaskError as UnsupportedTaskError,
)
from .tensors import (
    InputSpec as InputSpec,
    OutputSpec as OutputSpec,
)
