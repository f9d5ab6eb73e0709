"""Lists the repo's Python files that loading would execute. Pure.

Some libraries run code in a local folder without a question. Loading always reads from a local folder, so the check is
made here, before the files are fetched.
"""

from __future__ import annotations

from registry.decision import Decision
from registry.facts import CommitFacts
from registry.registry import Registry
from registry.rules.model_class import is_native
from registry.rules.required_files import MODEL_INDEX, MODULES
from resolver.loading.files import parse_components


def find_remote_code(decision: Decision, commit: CommitFacts, registry: Registry) -> tuple[str, ...]:
    """The files that would be executed, each as "path", or "path of org/name" in another repo; may be empty."""
    match decision.library:
        case "transformers" | "transformers_js" if decision.requires_remote_code:
            return (_parse_class_path(decision.model_class or ""),)
        case "diffusers":
            return _find_pipeline_code(commit)
        case "sentence_transformers":
            return (*_find_module_code(commit), *_find_trunk_code(decision, commit, registry))
        case _:
            return ()


def _parse_class_path(reference: str) -> str:
    """The file that defines `modeling.Class`, or `org/name--modeling.Class`."""
    repo_id, separator, name = reference.rpartition("--")
    file = name.rpartition(".")[0].replace(".", "/") + ".py"
    return f"{file} of {repo_id}" if separator else file


def _find_pipeline_code(commit: CommitFacts) -> tuple[str, ...]:
    """The file of a custom diffusers pipeline class, and those of custom component classes."""
    index = commit.mapping(MODEL_INDEX) or {}
    class_name = index.get("_class_name")
    pipeline = [f"{class_name[0]}.py"] if isinstance(class_name, list) and class_name else []
    components = (f"{name}/{library}.py" for name, (library, _) in parse_components(index).items())
    return (*pipeline, *(path for path in components if path in commit.filenames))


def _find_module_code(commit: CommitFacts) -> tuple[str, ...]:
    """The files of modules that sentence-transformers itself does not have."""
    modules = commit.files.get(MODULES)
    content = modules.content if modules is not None and isinstance(modules.content, list) else []
    types = [module.get("type") for module in content if isinstance(module, dict)]
    custom = [name for name in types if isinstance(name, str) and not name.startswith("sentence_transformers.")]
    return tuple(dict.fromkeys(map(_parse_class_path, custom)))


def _find_trunk_code(decision: Decision, commit: CommitFacts, registry: Registry) -> tuple[str, ...]:
    """The files of the transformers model inside a sentence-transformers model."""
    config = commit.config or {}
    auto_map = config.get("auto_map")
    if not isinstance(auto_map, dict) or is_native(decision.architecture or "", decision.model_type, registry):
        return ()
    return tuple(dict.fromkeys(_parse_class_path(value) for value in auto_map.values() if isinstance(value, str)))
