# The public names, listed once: for type checkers, and at run time for lazy_loader.

# Resolve the ids of a Ray dataset
from .dataset import resolve_dataset as resolve_dataset
from .resolve_batch import ResolveBatch as ResolveBatch

# Call a function with each of many models, where the model is
from .model_pool import (
    ModelPool as ModelPool,
    WorkerSpec as WorkerSpec,
)
from .model_result import ModelResult as ModelResult
