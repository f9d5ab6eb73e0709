"""Write the packed repo lists that tests and the demo read, from a JSONL of labelled repos.

    python tools/pack_corpus.py CORPUS.jsonl

Writes `tests/data/corpus.jsonl.gz` (every row) and `resolver/local_hub/data/demo.jsonl.gz` (a varied pick).
The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
CORPUS: Final = ROOT / "tests" / "data" / "corpus.jsonl.gz"
DEMO: Final = ROOT / "resolver" / "local_hub" / "data" / "demo.jsonl.gz"
DEMO_SIZE: Final = 400

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """All rows, in the order of the file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def kind_of(row: Row) -> tuple[str, str]:
    """What a reader would call the same kind of repo: group and library (`gguf` where there is none but the files)."""
    library = row.get("library_name") or ("gguf" if any(p.endswith(".gguf") for p in row["siblings"]) else "none")
    return row.get("group") or "", library


def variety_of(row: Row) -> str:
    """The architecture or pipeline class, by which repos of a kind differ."""
    config, model_index = row.get("config") or {}, row.get("model_index") or {}
    architectures = config.get("architectures") or [config.get("architecture") or model_index.get("_class_name")]
    return f"{config.get('model_type')}:{architectures[0]}"


def pick_demo(rows: list[Row], size: int) -> list[Row]:
    """`size` rows sorted by id: every kind in turn, and within a kind every architecture in turn.

    Which row stands for an architecture is decided by a hash of the id, so the pick does not lean to one letter.
    """
    kinds: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).digest()):
        kinds[kind_of(row)][variety_of(row)].append(row)
    queues = [_round_robin(list(kinds[kind].values())) for kind in sorted(kinds)]
    return sorted(_round_robin(queues)[:size], key=lambda row: str(row["id"]))


def _round_robin(queues: list[list[Row]]) -> list[Row]:
    taken: list[Row] = []
    for turn in range(max(map(len, queues), default=0)):
        taken.extend(queue[turn] for queue in queues if turn < len(queue))
    return taken


def pack(rows: list[Row], path: Path) -> None:
    """Write rows as gzipped JSONL without a time or a name in the gzip header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(gzip.compress("".join(lines).encode(), compresslevel=9, mtime=0))


def main(arguments: list[str] | None = None) -> int:
    """Pack the file named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    rows = read_rows(parser.parse_args(arguments).corpus)
    demo = pick_demo(rows, DEMO_SIZE)
    for picked, path in ((rows, CORPUS), (demo, DEMO)):
        pack(picked, path)
        print(f"{len(picked)} rows, {path.stat().st_size} bytes: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
