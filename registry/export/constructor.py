"""`ConfigConstructor`: builds a model's export configuration; imports its class when it is first called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.class_ref import ClassRef
from registry.errors import UnknownNameError, UnsupportedTaskError
from registry.import_class import import_class
from registry.tables.tasks import WITH_PAST


@dataclass(frozen=True, slots=True)
class ConfigConstructor:
    """A callable that takes a model's config and returns the export configuration for a task.

    It replaces the `functools.partial` of optimum: `func`, `args` and `keywords` have the same meaning.
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
        try:
            found = import_class(self.target)
        except UnknownNameError as error:
            raise ImportError(f"{self.target.module} has no {self.target.name}") from error
        if not isinstance(found, type):
            raise ImportError(f"{self.target} is not a class")
        return found

    @property
    def class_name(self) -> str:
        """The name of the configuration's class, which is not imported."""
        return self.target.__name__ if isinstance(self.target, type) else self.target.name

    @property
    def args(self) -> tuple[Any, ...]:
        """Always empty: all arguments are keywords."""
        return ()

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        config_class = self.func
        if self.keywords.get("use_past"):
            check_supports_past(config_class)
        return config_class(*args, **{**self.keywords, **keywords})

    def with_keywords(self, **keywords: Any) -> ConfigConstructor:
        """A copy with these keyword arguments added."""
        return ConfigConstructor(self.target, {**self.keywords, **keywords})


def make_backend_config_constructor_for_task(config_cls: ClassRef | type, task: str) -> ConfigConstructor:
    """A constructor of this class for `task`; a task that ends in "-with-past" sets `use_past`.

    A class that is given by name is checked when it is first called.

    Raises:
        UnsupportedTaskError: the task is with past, and the class does not support that.
    """
    base = task.removesuffix(WITH_PAST)
    if base == task:
        return ConfigConstructor(config_cls, {"task": task})
    if isinstance(config_cls, type):
        check_supports_past(config_cls)
    return ConfigConstructor(config_cls, {"use_past": True, "task": base})


def check_supports_past(config_class: type) -> None:
    """Accept only a class that supports tasks with past.

    Raises:
        UnsupportedTaskError: it does not.
    """
    if not getattr(config_class, "SUPPORTS_PAST", False):
        raise UnsupportedTaskError(f"{config_class.__name__} does not support tasks with past")
