"""Whether the packages that a model takes are installed, and new enough. Looks at the environment; imports nothing."""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from registry.environment.newer_release import is_newer
from registry.queries.load_class import releases_needed
from registry.registry import Registry
from resolver.errors import LibraryNotInstalledError
from resolver.loading.plan import LOADERS
from resolver.resolution import Resolution

_EXTRAS = {"sentence_transformers": "sentence-transformers"}


def check_installed(resolution: Resolution, library: str, registry: Registry) -> None:
    """Make sure that a model of `library` can be loaded here.

    Raises:
        LibraryNotInstalledError: a package is missing, or is a release that does not have the architecture; the
            message says what to install.
    """
    missing = [package for package in LOADERS[library] if not _is_there(package)]
    if missing:
        names = " and ".join(name.replace("_", "-") for name in missing)
        extra = _EXTRAS.get(library, "transformers" if library == "transformers_js" else library)
        raise LibraryNotInstalledError(
            f"{resolution.repo_id} needs {names}: pip install 'hubresolve[{extra}]'",
            resolution=resolution,
            name=missing[0],
        )
    since, until = releases_needed(resolution.decision, registry)
    installed = installed_version("transformers")
    if installed is None:
        return
    if since is not None and is_newer(since, than=installed):
        wanted = f"transformers >= {since}"
    elif until is not None and is_newer(installed, than=until) and not _is_patch_of(installed, until):
        wanted = f"transformers <= {until}"
    else:
        return
    raise LibraryNotInstalledError(
        f"{resolution.repo_id} is a {resolution.architecture}, which needs {wanted}; {installed} is installed",
        resolution=resolution,
        name="transformers",
    )


def _is_patch_of(installed: str, release: str) -> bool:
    """Whether `installed` is of the same minor release: 4.46.3 is one of 4.46."""
    return installed.split(".")[:2] == release.split(".")[:2]


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


@functools.cache
def installed_version(package: str) -> str | None:
    """The version of an installed distribution, None where there is none of this name.

    Looked up once for each: reading the metadata takes as long as a tenth of loading a small model.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None
