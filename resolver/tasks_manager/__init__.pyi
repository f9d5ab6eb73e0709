# The public names, listed once: for type checkers, and at run time for lazy_loader.

# In place of optimum's class
from .manager import TasksManager as TasksManager
