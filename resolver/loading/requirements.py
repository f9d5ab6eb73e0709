"""Checks that the packages which a model needs are installed, and are new enough. Imports none of them."""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from registry.environment.newer_release import is_newer
from registry.queries.load_class import find_required_releases
from registry.registry import Registry
from resolver.errors import LibraryNotInstalledError
from resolver.loading.plan import REQUIRED_PACKAGES
from resolver.resolution import Resolution

_EXTRAS = {"sentence_transformers": "sentence-transformers", "transformers_js": "transformers"}
"""Library -> the extra of hubresolve that installs it, where the two names differ."""


LOWEST_RELEASES = {
    "torch": "2.6",
    "transformers": "4.57",
    "diffusers": "0.38",
    "timm": "1.0.26",
    "sentence_transformers": "6.0",
    "peft": "0.17",
}
"""Package -> the first release that runs nothing of a hostile repo by itself, as far as the canaries of the tests show:
torch < 2.6 reads pickles as whole objects by default, timm < 1.0.26 those in a folder, diffusers < 0.38 and
sentence-transformers < 6 import what a repo names. An extra of this project never installs an older one."""


def check_installed(resolution: Resolution, library: str, registry: Registry) -> None:
    """Check that a model of `library` can be loaded in this environment.

    Raises:
        LibraryNotInstalledError: a package is missing, or its release lacks the architecture; the message names what
            to install.
    """
    missing = [package for package in REQUIRED_PACKAGES[library] if not _is_importable(package)]
    if missing:
        names = " and ".join(name.replace("_", "-") for name in missing)
        raise LibraryNotInstalledError(
            f"{resolution.repo_id} needs {names}: pip install 'hubresolve[{_EXTRAS.get(library, library)}]'",
            resolution=resolution,
            name=missing[0],
        )
    since, until = find_required_releases(resolution.decision, registry)
    installed = find_installed_version("transformers")
    if installed is None:
        _check_lowest_releases(resolution, library)
        return
    if since is not None and is_newer(since, than=installed):
        required = f"transformers >= {since}"
    elif until is not None and is_newer(installed, than=until) and not _is_patch_of(installed, until):
        required = f"transformers <= {until}"
    else:
        _check_lowest_releases(resolution, library)
        return
    raise LibraryNotInstalledError(
        f"{resolution.repo_id} is a {resolution.architecture}, which needs {required}; {installed} is installed",
        resolution=resolution,
        name="transformers",
    )


def _check_lowest_releases(resolution: Resolution, library: str) -> None:
    for package in REQUIRED_PACKAGES[library]:
        lowest, name = LOWEST_RELEASES.get(package), package.replace("_", "-")
        installed = find_installed_version(name)
        if lowest is not None and installed is not None and is_newer(lowest, than=installed):
            raise LibraryNotInstalledError(
                f"{resolution.repo_id} needs {name} >= {lowest}; {installed} is installed, and may run code of a repo",
                resolution=resolution,
                name=package,
            )


def _is_patch_of(installed: str, release: str) -> bool:
    """Whether both have the same minor version, as 4.46.3 and 4.46."""
    return installed.split(".")[:2] == release.split(".")[:2]


def _is_importable(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


@functools.cache
def find_installed_version(package: str) -> str | None:
    """The version of an installed distribution, None where there is none of this name.

    Cached: reading the metadata takes as long as a tenth of loading a small model.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None
