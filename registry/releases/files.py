"""Finds the releases in a wheel or a folder, and checks their files against RECORD. Nothing is unpacked or run."""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.releases.sources import InstalledSource, Source, WheelSource, parse_version
from registry.releases.update import LIBRARIES, ReleaseError

MAX_WHEEL_BYTES = 512 * 2**20
"""The size of all files of a wheel; those of transformers take 60 MB."""

MAX_FILES = 50_000
_CHUNK_BYTES = 2**20
_UNRECORDED = re.compile(r"[^/]+\.dist-info/RECORD(\.jws|\.p7s)?$")
"""Files of a wheel that RECORD itself does not have a hash of."""

_VERSION = re.compile(r"""^__version__\s*=\s*["']([^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """A release of one of `LIBRARIES`. `is_checked`: RECORD lists its files, and all are as it says."""

    library: str
    source: Source
    name: str
    is_checked: bool


def find_releases(path: Path) -> list[Release]:
    """The releases in a wheel, in a folder of wheels, or in a folder that has the packages; the newest of each library.

    Raises:
        ReleaseError: there is none, or a file is not as RECORD says.
    """
    if path.is_file():
        return [_open_wheel(path)]
    if not path.is_dir():
        raise ReleaseError(f"there is no file or folder {path}")
    wheels = [item for item in path.glob("*.whl") if item.name.split("-")[0].lower() in LIBRARIES]
    # Only the newest wheel of a library is opened: the others may be of releases that are too old to be read.
    newest = {item.name.split("-")[0].lower(): item for item in sorted(wheels, key=_get_wheel_version)}
    found = [_open_wheel(item) for item in newest.values()] or list(_find_packages(path))
    if not found:
        raise ReleaseError(f"{path} has no wheel, and no package, of {', '.join(LIBRARIES)}")
    return found


def _get_wheel_version(path: Path) -> tuple[int, ...]:
    parts = path.name.split("-")
    return parse_version(parts[1]) if len(parts) > 1 and parts[1][:1].isdigit() else ()


def _open_wheel(path: Path) -> Release:
    try:
        archive = zipfile.ZipFile(path)
        library, version = _check_wheel(archive, path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ReleaseError(f"{path} is not a usable wheel: {error}") from error
    return Release(library, WheelSource(version, archive, library), path.name, is_checked=True)


def _check_wheel(archive: zipfile.ZipFile, path: Path) -> tuple[str, str]:
    """The library and version of a wheel whose files are all as its RECORD says.

    Raises:
        ReleaseError: a file is missing, changed or not in RECORD, or the wheel is of another library.
    """
    files = {item.filename: item for item in archive.infolist() if not item.is_dir()}
    if len(files) < sum(not item.is_dir() for item in archive.infolist()):
        raise ReleaseError(f"{path} has a file twice")
    if len(files) > MAX_FILES or sum(item.file_size for item in files.values()) > MAX_WHEEL_BYTES:
        raise ReleaseError(f"{path} is larger than any release of {', '.join(LIBRARIES)}")
    folders = {name.split("/")[0] for name in files if name.split("/")[0].endswith(".dist-info")}
    if len(folders) != 1:
        raise ReleaseError(f"{path} has {len(folders)} .dist-info folders; a wheel has one")
    folder = folders.pop()
    if f"{folder}/RECORD" not in files or f"{folder}/METADATA" not in files:
        raise ReleaseError(f"{path} has no RECORD or no METADATA")
    library, version = _parse_metadata(archive.read(f"{folder}/METADATA").decode("utf-8"))
    if library not in LIBRARIES:
        raise ReleaseError(f"{path} is a wheel of {library}; tables are read of {', '.join(LIBRARIES)}")

    def hash_member(name: str, kind: str) -> bytes:
        digest = hashlib.new(kind)
        with archive.open(name) as member:
            while chunk := member.read(_CHUNK_BYTES):
                digest.update(chunk)
        return digest.digest()

    hashes = _parse_record(archive.read(f"{folder}/RECORD").decode("utf-8"))
    _check_hashes(hashes, [name for name in files if not _UNRECORDED.match(name)], hash_member, path)
    return library, version


def _parse_metadata(text: str) -> tuple[str, str]:
    """The name of a distribution as its package is called, and its version."""
    headers = email.message_from_string(text)
    return re.sub(r"[-_.]+", "_", headers.get("Name", "")).lower(), headers.get("Version", "")


def _parse_record(text: str) -> dict[str, str]:
    """Path -> hash ("sha256=..."), empty where RECORD has none."""
    return {row[0]: row[1] for row in csv.reader(io.StringIO(text)) if len(row) >= 2}


def _check_hashes(
    hashes: Mapping[str, str], names: list[str], hash_file: Callable[[str, str], bytes], path: Path
) -> None:
    for name in names:
        kind, _, expected = hashes.get(name, "").partition("=")
        if kind not in ("sha256", "sha384", "sha512"):
            raise ReleaseError(f"{path}: RECORD has no hash of {name}")
        if base64.urlsafe_b64encode(hash_file(name, kind)).rstrip(b"=").decode() != expected.rstrip("="):
            raise ReleaseError(f"{path}: {name} is not as RECORD says; the file is damaged, or was changed")


def _find_packages(path: Path) -> Iterator[Release]:
    """The packages in an environment's folder or a source tree; `path` may be the package itself."""
    for library in LIBRARIES:
        folders = (path / library, path / "src" / library, *([path] if path.name == library else []))
        folder = next((item for item in folders if (item / "__init__.py").is_file()), None)
        if folder is None:
            continue
        try:
            yield _open_package(library, folder)
        except (OSError, ValueError) as error:
            raise ReleaseError(f"{folder} cannot be read: {error}") from error


def _open_package(library: str, folder: Path) -> Release:
    names = {f"{library}-*.dist-info", f"{library.replace('_', '-')}-*.dist-info"}
    metadata = next((item for name in names for item in folder.parent.glob(name) if (item / "RECORD").is_file()), None)
    if metadata is None:
        # A source tree has no RECORD.
        found = _VERSION.search((folder / "__init__.py").read_text(encoding="utf-8"))
        if found is None:
            raise ReleaseError(f"{folder} does not tell its version")
        return Release(library, InstalledSource(found.group(1), folder), str(folder), is_checked=False)
    _, version = _parse_metadata((metadata / "METADATA").read_text(encoding="utf-8"))
    source = InstalledSource(version, folder)
    hashes = _parse_record((metadata / "RECORD").read_text(encoding="utf-8"))

    def hash_file(name: str, kind: str) -> bytes:
        return hashlib.new(kind, (folder.parent / name).read_bytes()).digest()

    _check_hashes(hashes, [f"{library}/{name}" for name in source.paths()], hash_file, folder)
    return Release(library, source, str(folder), is_checked=True)
