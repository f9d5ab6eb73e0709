"""What the README says is true: its examples run, and every setting, option, key and error code is in it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import click
import pytest

from resolver import errors
from resolver.cli.main import cli
from resolver.local_hub import LocalHub, demo_catalog
from resolver.row import ROW_KEYS
from resolver.settings import Settings

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


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


def test_the_example_of_an_extension_makes_settings() -> None:
    names: dict[str, object] = {}
    exec(EXAMPLES[1], names)
    settings = names["settings"]
    assert isinstance(settings, Settings) and settings.registry is not None
    assert settings.registry.normalize_task("chat") == "text-generation"


@pytest.mark.parametrize(
    "names",
    [
        {item.name for item in dataclasses.fields(Settings)},
        set(ROW_KEYS),
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
    ids=["settings", "keys", "error codes", "variables"],
)
def test_every_name_a_user_meets_is_explained(names: set[str]) -> None:
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_every_option_is_explained_by_the_command_itself() -> None:
    def unexplained(command: click.Command) -> list[str]:
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        own = [item.name or "" for item in command.params if isinstance(item, click.Option) and not item.help]
        return [*own, *(name for item in inner for name in unexplained(item))]

    assert [name for name in unexplained(cli) if name != "format_"] == []
    assert {"--file", "--author", "--offline", "--max-age", "--format", "--unordered"} <= options_of(cli)
