"""Loads the repos that are shipped with the package: those of `hubresolve demo`, and those to practise with."""

from __future__ import annotations

from importlib import resources

from resolver.local_hub.catalog.catalog import Catalog
from resolver.local_hub.catalog.readers import read_jsonl


def demo_catalog() -> Catalog:
    """A catalog of about 400 repos of all kinds: file names and configs as on the Hub, placeholder weights.

    The data file is written by `tools/pack_corpus.py`.
    """
    return _read("demo.jsonl.gz")


def practice_catalog() -> Catalog:
    """The repos of the demo, and those that the documentation names besides. Their commit hashes are invented."""
    return Catalog([*demo_catalog(), *_read("practice.jsonl")])


def _read(name: str) -> Catalog:
    with resources.as_file(resources.files("resolver.local_hub") / "data" / name) as path:
        return read_jsonl(path)
