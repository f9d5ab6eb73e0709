"""The first example of the README runs, and every setting, variable and error code is explained in the reference."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import click
import pytest

from resolver import errors
from resolver.cli.main import cli
from resolver.local_hub import LocalHub, demo_catalog
from resolver.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
REFERENCE = "".join(page.read_text("utf-8") for page in sorted((ROOT / "docs" / "reference").glob("*.md")))
MOST_README_LINES = 150


def options_of(command: click.Command) -> set[str]:
    subcommands = command.commands.values() if isinstance(command, click.Group) else ()
    own = {option for item in command.params if isinstance(item, click.Option) for option in item.opts}
    return {option for option in own if option.startswith("--")}.union(*map(options_of, subcommands))


async def test_the_example_answers_repos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = demo_catalog()
    first, second = list(catalog.ids())[:2]
    async with LocalHub(catalog) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("HUBRESOLVE_STORE", str(tmp_path / "store.sqlite3"))
        source = EXAMPLES[0].replace("openai/whisper-small", first).replace("google/gemma-3-4b-it", second)
        names: dict[str, object] = {}
        exec(source.replace("asyncio.run(main())", ""), names)
        main = names["main"]
        assert callable(main)
        await main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [first, second]


@pytest.mark.parametrize(
    "names",
    [
        {item.name for item in dataclasses.fields(Settings)},
        {
            kind.code
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, errors.ResolveError)
        },
        {
            "HF_ENDPOINT",
            "HF_TOKEN",
            "HF_HUB_OFFLINE",
            "HUBRESOLVE_STORE",
            "HUBRESOLVE_MAX_AGE",
            "HUBRESOLVE_MAX_STALE",
            "HUBRESOLVE_CONCURRENCY",
        },
    ],
    ids=["settings", "error codes", "variables"],
)
def test_every_name_a_user_meets_is_explained(names: set[str]) -> None:
    assert {name for name in names if f"`{name}`" not in REFERENCE} == set()


def test_the_readme_is_a_front_page_with_the_two_commands_first() -> None:
    assert len(README.splitlines()) <= MOST_README_LINES
    first, second, *_ = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert (first[0], second[0]) == ("sh", "sh")
    assert "hubresolve demo" in first[1] and "pytest" in second[1]


def test_every_option_is_explained_by_the_command_itself() -> None:
    def unexplained(command: click.Command) -> list[str]:
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        own = [item.name or "" for item in command.params if isinstance(item, click.Option) and not item.help]
        return [*own, *(name for item in inner for name in unexplained(item))]

    assert [name for name in unexplained(cli) if name != "format_"] == []
    assert {"--file", "--author", "--offline", "--max-age", "--format", "--unordered"} <= options_of(cli)
