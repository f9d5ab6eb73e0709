"""A file that cannot be used is named, with what to give instead."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from resolver.cli.input.answers import read_answers
from resolver.cli.input.ids import read_ids


def test_a_folder_or_a_missing_file_of_ids_is_named(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="it is a folder; give a file with an id in each line"):
        read_ids((), str(tmp_path), "https://huggingface.co")
    with pytest.raises(click.UsageError, match="no-file: there is no such file"):
        read_ids((), str(tmp_path / "no-file"), "https://huggingface.co")


def test_a_folder_or_a_missing_file_of_answers_is_named(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="it is a folder; give the file that a run of resolve wrote"):
        list(read_answers(str(tmp_path)))
    with pytest.raises(click.UsageError, match="no-file: there is no such file"):
        list(read_answers(str(tmp_path / "no-file")))
