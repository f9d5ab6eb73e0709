# The public names, listed once: for type checkers, and at run time for lazy_loader.

# In place of optimum's class, and of the names beside it
from .manager import (
    ExportConfigConstructor as ExportConfigConstructor,
    TasksManager as TasksManager,
    make_backend_config_constructor_for_task as make_backend_config_constructor_for_task,
)
