"""Notices a file on a network file system, where SQLite's locks cannot be relied on. Reads the table of mounts only."""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""The mounts of this process, on Linux (proc(5)). Other systems have no such file: there, nothing is noticed."""

NETWORK_TYPES = frozenset(
    [
        *("acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
        *("ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs", "wekafs"),
    ]
)
"""Types of file systems on other machines: of Linux, and of the vendors' own modules."""

NETWORK_FUSE_TYPES = frozenset(
    ["ceph", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "rclone", "s3fs", "sshfs"]
)
"""Programs that bring files of other machines; their types begin with "fuse."."""

_ESCAPED = re.compile(r"\\([0-7]{3})")


def find_network_type(path: Path) -> str | None:
    """The type of the network file system that `path` is or would be on; None for a local or an unknown one.

    Blocking: it follows the links of the path.
    """
    if str(path).startswith(("\\\\", "//")) and os.name == "nt":
        return "a share"
    try:
        mounts = MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    return parse_network_type(Path(os.path.realpath(path)), mounts)


def parse_network_type(path: Path, mounts: str) -> str | None:
    """As `find_network_type`, for a path without links and the text of the table of mounts. Pure."""
    longest, found = -1, ""
    for line in mounts.splitlines():
        # ID, parent, device, root, mount point, options, more fields, "-", type, source, options.
        before, separator, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        # Of two mounts on one folder, the later one hides the other.
        if path.is_relative_to(point) and len(point.parts) >= longest:
            longest, found = len(point.parts), kinds[0]
    is_network = found in NETWORK_TYPES or found.removeprefix("fuse.") in NETWORK_FUSE_TYPES
    return found if is_network else None
