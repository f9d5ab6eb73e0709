"""A store on a network file system is noticed, from the table of mounts, and said."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

import pytest

from store.database import network_files
from store.database.network_files import find_network_type, parse_network_type
from store.store import MetadataStore

MOUNTS = r"""22 1 252:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 0:50 / /home rw,relatime shared:20 - nfs4 files:/export/home rw,vers=4.2
41 40 252:2 / /home/local rw - xfs /dev/vdb rw
42 22 0:51 /share /mnt/my\040share rw - cifs //server/share rw
43 22 0:52 / /data rw - ext4 /dev/vdc rw
44 43 0:53 / /data rw - fuse.sshfs user@host:/ rw
45 22 0:54 / /win rw - fuse.ntfs-3g /dev/sda1 rw
46 22 0:55 / /lab rw master:2 propagate_from:1 - lustre lab rw
damaged line
"""

ROWS = [
    ("/var/store.sqlite3", None),
    ("/home/me/store.sqlite3", "nfs4"),
    ("/home/local/store.sqlite3", None),
    ("/homely/store.sqlite3", None),
    ("/mnt/my share/deep/store.sqlite3", "cifs"),
    ("/data/store.sqlite3", "fuse.sshfs"),
    ("/win/store.sqlite3", None),
    ("/lab/store.sqlite3", "lustre"),
]


@pytest.mark.parametrize(("path", "expected"), ROWS, ids=[row[0] for row in ROWS])
@pytest.mark.skipif(os.name == "nt", reason="the paths are of Linux")
def test_the_mount_of_a_path_tells_its_file_system(path: str, expected: str | None) -> None:
    assert PurePosixPath(path).is_absolute()
    assert parse_network_type(Path(path), MOUNTS) == expected


async def test_a_store_there_is_said_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    link = near / "link"
    near.mkdir()
    link.symlink_to(far)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / {far.resolve()} rw - nfs files:/ rw\n")
    monkeypatch.setattr(network_files, "MOUNTS", mounts)
    async with MetadataStore(near / "store.sqlite3"):
        assert not caplog.records
    async with MetadataStore(link / "store.sqlite3") as store:
        assert (await store.get_info()).refs == 0
    assert "is on a network file system (nfs)" in caplog.text and "PostgreSQL" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such table")
def test_the_table_of_this_machine_is_read(tmp_path: Path) -> None:
    """Whatever it says: it can be parsed, and has the root."""
    assert " / / " in network_files.MOUNTS.read_text()
    assert find_network_type(tmp_path) in {None, *network_files.NETWORK_TYPES, "fuse.sshfs", "fuse.gcsfuse"}


def test_a_system_without_a_table_notices_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_files, "MOUNTS", tmp_path / "none")
    assert find_network_type(tmp_path) is None
