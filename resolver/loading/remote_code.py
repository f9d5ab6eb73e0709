"""Which code of the repo's own loading it would run. Pure.

Libraries differ in whether they ask before they run what lies in a local folder; what is fetched from a Hub is asked
about here, before it becomes one.
"""

from __future__ import annotations

from registry.decision import Decision
from registry.facts import CommitFacts
from registry.registry import Registry
from registry.rules.model_class import is_native
from registry.rules.required_files import MODEL_INDEX, MODULES
from resolver.loading.files import components_of


def code_run(decision: Decision, commit: CommitFacts, registry: Registry) -> tuple[str, ...]:
    """The Python files that loading would run, each as "path", or "path of org/name" in another repo; may be empty."""
    match decision.library:
        case "transformers" | "transformers_js" if decision.requires_remote_code:
            return (_file_of(decision.model_class or ""),)
        case "diffusers":
            return _of_pipeline(commit)
        case "sentence_transformers":
            return (*_of_modules(commit), *_of_trunk(decision, commit, registry))
        case _:
            return ()


def _file_of(reference: str) -> str:
    """The file that `modeling.Class`, or `org/name--modeling.Class`, is defined in."""
    repo_id, separator, name = reference.rpartition("--")
    file = name.rpartition(".")[0].replace(".", "/") + ".py"
    return f"{file} of {repo_id}" if separator else file


def _of_pipeline(commit: CommitFacts) -> tuple[str, ...]:
    index = commit.mapping(MODEL_INDEX) or {}
    named = index.get("_class_name")
    own = [f"{named[0]}.py"] if isinstance(named, list) and named else []
    components = (f"{name}/{library}.py" for name, (library, _) in components_of(index).items())
    return (*own, *(path for path in components if path in commit.filenames))


def _of_modules(commit: CommitFacts) -> tuple[str, ...]:
    modules = commit.files.get(MODULES)
    content = modules.content if modules is not None and isinstance(modules.content, list) else []
    types = [module.get("type") for module in content if isinstance(module, dict)]
    foreign = [name for name in types if isinstance(name, str) and not name.startswith("sentence_transformers.")]
    return tuple(dict.fromkeys(map(_file_of, foreign)))


def _of_trunk(decision: Decision, commit: CommitFacts, registry: Registry) -> tuple[str, ...]:
    config = commit.config or {}
    auto_map = config.get("auto_map")
    if not isinstance(auto_map, dict) or is_native(decision.architecture or "", decision.model_type, registry):
        return ()
    return tuple(dict.fromkeys(_file_of(value) for value in auto_map.values() if isinstance(value, str)))
