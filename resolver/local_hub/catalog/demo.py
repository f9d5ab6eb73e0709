"""The repos of `hubresolve demo`, shipped with the package."""

from __future__ import annotations

from importlib import resources

from resolver.local_hub.catalog.catalog import Catalog
from resolver.local_hub.catalog.readers import read_jsonl


def demo_catalog() -> Catalog:
    """About 400 real repos of all kinds: file names and configs only, weights are stand-ins.

    The data file is written by `tools/pack_corpus.py`.
    """
    with resources.as_file(resources.files("resolver.local_hub") / "data" / "demo.jsonl.gz") as path:
        return read_jsonl(path)
