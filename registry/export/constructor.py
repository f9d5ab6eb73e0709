"""`ConfigConstructor`: what makes a model's export configuration, its class imported when it is first needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.class_ref import ClassRef
from registry.errors import UnsupportedTaskError
from registry.tables.tasks import WITH_PAST


@dataclass(frozen=True, slots=True)
class ConfigConstructor:
    """Called with a model's config, it gives the export configuration for a task.

    `func`, `args` and `keywords` are as those of `functools.partial`, which it stands in for.
    """

    target: ClassRef | type
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def func(self) -> type:
        """The configuration's class.

        Raises:
            ImportError: its module cannot be imported, or has no such class.
        """
        if isinstance(self.target, type):
            return self.target
        found: Any = importlib.import_module(self.target.module)
        for part in self.target.name.split("."):
            if not hasattr(found, part):
                raise ImportError(f"{self.target.module} has no {self.target.name}")
            found = getattr(found, part)
        if not isinstance(found, type):
            raise ImportError(f"{self.target} is no class")
        return found

    @property
    def class_name(self) -> str:
        """What the configuration's class is called; it is not imported for that."""
        return self.target.__name__ if isinstance(self.target, type) else self.target.name

    @property
    def args(self) -> tuple[Any, ...]:
        """None: all is said by keyword."""
        return ()

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        config_class = self.func
        if self.keywords.get("use_past"):
            check_past(config_class)
        return config_class(*args, **{**self.keywords, **keywords})

    def with_keywords(self, **keywords: Any) -> ConfigConstructor:
        """The same, with more said."""
        return ConfigConstructor(self.target, {**self.keywords, **keywords})


def make_backend_config_constructor_for_task(config_cls: ClassRef | type, task: str) -> ConfigConstructor:
    """What makes configurations of this class for `task`; one that ends in "-with-past" sets `use_past`.

    A class that is only named is checked when it is first called.

    Raises:
        UnsupportedTaskError: a past is asked for, and the class does not support one.
    """
    base = task.removesuffix(WITH_PAST)
    if base == task:
        return ConfigConstructor(config_cls, {"task": task})
    if isinstance(config_cls, type):
        check_past(config_cls)
    return ConfigConstructor(config_cls, {"use_past": True, "task": base})


def check_past(config_class: type) -> None:
    """Nothing, where the class supports tasks with past.

    Raises:
        UnsupportedTaskError: it does not.
    """
    if not getattr(config_class, "SUPPORTS_PAST", False):
        raise UnsupportedTaskError(f"{config_class.__name__} does not support tasks with past")
