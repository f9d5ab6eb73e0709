"""Loads the repos of `hubresolve demo`, which are shipped with the package."""

from __future__ import annotations

from importlib import resources

from resolver.local_hub.catalog.catalog import Catalog
from resolver.local_hub.catalog.readers import read_jsonl


def demo_catalog() -> Catalog:
    """A catalog of about 400 real repos of all kinds: real file names and configs, placeholder weights.

    The data file is written by `tools/pack_corpus.py`.
    """
    with resources.as_file(resources.files("resolver.local_hub") / "data" / "demo.jsonl.gz") as path:
        return read_jsonl(path)
