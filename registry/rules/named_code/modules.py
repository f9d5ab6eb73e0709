"""Finds the code that the modules of a sentence-transformers model name. Pure.

A module's type is imported, and its `load` is called: any other name than a module of the library's own could run code
of an installed package (`torch.load`), or of the repo.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from registry.registry import Registry
from registry.rules.named_code.findings import NamedCode, is_plain_path, parse_class_path
from registry.rules.required_files import MODULES
from registry.tables.named_code import ACTIVATION, PYLATE_MODULES, WORD_TOKENIZER

_ACTIVATION_KEYS = (
    "activation_function",
    "activation_fn",
    "default_activation_function",
    "sbert_ce_default_activation_function",
)
_ARGUMENT_KEYS = ("model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs")
"""Keys of a module's config whose objects are passed on to transformers' `from_pretrained`."""

_TEXT_ARGUMENTS = (
    "dtype",
    "torch_dtype",
    "attn_implementation",
    "experts_implementation",
    "padding_side",
    "truncation_side",
    "model_type",
    "chat_template",
    "pad_token",
    "unk_token",
    "mask_token",
    "cls_token",
    "sep_token",
    "bos_token",
    "eos_token",
)
"""Arguments of `from_pretrained` whose text names neither a file nor a repo."""

_PLACE_KEYS = ("tokenizer_name_or_path", "model_name_or_path", "cache_dir", "cache_folder")
_MODEL_CONFIGS = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")


def find_module_code(content: Any, registry: Registry) -> NamedCode:
    """The types and paths in `modules.json`."""
    modules = [module for module in content if isinstance(module, dict)] if isinstance(content, list) else []
    if not isinstance(content, list) or len(modules) < len(content):
        return NamedCode(unreadable=(f"{MODULES} (not a list of modules)",))
    types = [module.get("type") for module in modules]
    paths = [module.get("path") for module in modules]
    return NamedCode(
        code=tuple(_find_foreign_types(types, registry)),
        elsewhere=tuple(
            f"{path} ({MODULES})" for path in paths if not isinstance(path, str) or not is_plain_path(path)
        ),
    )


def find_module_config_code(path: str, content: Any, registry: Registry) -> NamedCode:
    """What the config of a module names: types of modules in it, activations, tokenizers, arguments."""
    if not isinstance(content, dict):
        return NamedCode()
    name = path.rpartition("/")[2]
    types, tokenizer = content.get("types"), content.get("tokenizer_class")
    code, elsewhere = [], []
    if isinstance(types, dict):
        code += [f"{item} ({path})" for item in types.values() if not _is_own_type(item, registry)]
        elsewhere += [f"{folder} ({path})" for folder in types if not is_plain_path(folder)]
    if name not in _MODEL_CONFIGS or "types" in content:
        elsewhere += [f"{content[key]} ({path}: {key})" for key in _PLACE_KEYS if content.get(key) is not None]
        for key in _ARGUMENT_KEYS:
            elsewhere += [f"{text} ({path}: {key})" for text in _list_texts(content.get(key))]
    code += [f"{item} ({path})" for item in _list_activations(content) if not _is_own_activation(item)]
    if isinstance(tokenizer, str) and "." in tokenizer and WORD_TOKENIZER.fullmatch(tokenizer) is None:
        code.append(f"{tokenizer} ({path})")
    return NamedCode(code=tuple(code), elsewhere=tuple(elsewhere))


def _find_foreign_types(types: Iterable[object], registry: Registry) -> Iterable[str]:
    for item in types:
        if not _is_own_type(item, registry):
            yield parse_class_path(item) if isinstance(item, str) and "." in item else f"{item} ({MODULES})"


def _is_own_type(item: object, registry: Registry) -> bool:
    return item in registry.sentence_modules or item in PYLATE_MODULES if isinstance(item, str) else False


def _list_activations(content: dict[str, Any]) -> list[object]:
    inner = content.get("sentence_transformers")
    places = [content, inner] if isinstance(inner, dict) else [content]
    return [place[key] for place in places for key in _ACTIVATION_KEYS if place.get(key) is not None]


def _is_own_activation(item: object) -> bool:
    """Whether it is a class of torch, or the plain name of a function, which nothing imports."""
    return isinstance(item, str) and ("." not in item or ACTIVATION.fullmatch(item) is not None)


def _list_texts(arguments: object) -> list[str]:
    """The texts in arguments that may name a repo, a file or a class."""
    if not isinstance(arguments, dict):
        return []
    return [value for key, value in arguments.items() if isinstance(value, str) and key not in _TEXT_ARGUMENTS]
