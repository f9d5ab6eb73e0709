"""Keeps transformers < 5 from asking a Hub for a backbone's own weights, which those of the model replace anyway.

A config says `use_pretrained_backbone` because it was so when training began; the model's weights hold the backbone's.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from registry.environment.newer_release import is_newer
from resolver.loading.requirements import find_installed_version

_KEY = "use_pretrained_backbone"
_LAST_THAT_ASKS = "4.99"


def build_backbone_arguments(
    folder: Path, model_kwargs: Mapping[str, Any], *, trust_remote_code: bool
) -> Mapping[str, Any]:
    """`model_kwargs`; with a config of the model's, without that wish, where it has it and transformers would obey."""
    installed, file = find_installed_version("transformers") or "0", folder / "config.json"
    if "config" in model_kwargs or is_newer(installed, than=_LAST_THAT_ASKS) or not file.is_file():
        return model_kwargs
    if _KEY not in file.read_text("utf-8", errors="replace"):
        return model_kwargs
    config, unused = importlib.import_module("transformers").AutoConfig.from_pretrained(
        str(folder),
        return_unused_kwargs=True,
        trust_remote_code=trust_remote_code,
        local_files_only=True,
        **model_kwargs,
    )
    for part in _list_configs(config):
        if getattr(part, _KEY, False):
            setattr(part, _KEY, False)
    return {**unused, "config": config}


def _list_configs(config: Any) -> Iterator[Any]:
    """The config, and the configs that are its attributes, at any depth."""
    yield config
    base = importlib.import_module("transformers").PretrainedConfig
    for value in vars(config).values():
        if isinstance(value, base):
            yield from _list_configs(value)
