"""Builds the documentation site into `site/`. Every warning is an error; no network is used.

It needs the extra `docs`: `pip install -e '.[docs]'`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(output: Path) -> int:
    """Build the site into a folder; the exit code of Sphinx."""
    from sphinx.cmd.build import main as sphinx

    sys.path.insert(0, str(ROOT))
    options = ["-b", "html", "-W", "--keep-going", "-q", "-E", "-d", str(output / ".doctrees")]
    return sphinx([*options, str(ROOT / "docs"), str(output)])


def main() -> int:
    """Read the command line, and build; the exit code."""
    parser = argparse.ArgumentParser(description="Build the documentation site; warnings are errors.")
    parser.add_argument("--output", type=Path, default=ROOT / "site", help="folder to write to (default: site/)")
    return build(parser.parse_args().output.resolve())


if __name__ == "__main__":
    sys.exit(main())
