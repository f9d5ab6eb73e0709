# The public names, listed once: for type checkers, and at run time for lazy_loader.

# The configuration of one model for one task
from .config import ExportConfig as ExportConfig

# The table of configurations
from .defaults import shipped_export_registry as shipped_export_registry
from .export_registry import (
    ExportRegistry as ExportRegistry,
    UnsupportedModelTypeError as UnsupportedModelTypeError,
    UnsupportedTaskError as UnsupportedTaskError,
)

# The inputs and outputs of a configuration
from .tensors import (
    InputSpec as InputSpec,
    OutputSpec as OutputSpec,
)
