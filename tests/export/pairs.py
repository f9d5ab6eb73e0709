"""The pairs of model type and task that are checked, what came of them, and the table that says so.

`outcomes.json` holds what the last run of `tools/check_exports.py` found: library -> model type -> task -> "checked",
or why not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from registry.export.support_table import ROWS

Pair = tuple[str, str, str]
Outcomes = dict[str, dict[str, dict[str, str]]]

CHECKED = "checked"
OUTCOMES = Path(__file__).with_name("outcomes.json")
TABLE = Path(__file__).parents[2] / "docs" / "exports.md"

SAMPLE: tuple[Pair, ...] = (
    # Small graphs of five families: what is checked where no part is asked for.
    ("transformers", "distilbert", "multiple-choice"),
    ("transformers", "vit", "image-classification"),
    ("transformers", "whisper", "automatic-speech-recognition-with-past"),
    ("diffusers", "clip-text", "feature-extraction"),
    ("timm", "default-timm-config", "image-classification"),
)


def all_pairs() -> Iterator[Pair]:
    """Library, model type and task of every shipped configuration, in order."""
    for library, rows in ROWS.items():
        for model_type, _, tasks in rows:
            for task in tasks:
                yield library, model_type, task


def read_outcomes() -> Outcomes:
    """What the last run found; empty where there was none."""
    found: Outcomes = json.loads(OUTCOMES.read_text("utf-8")) if OUTCOMES.exists() else {}
    return found


def write_outcomes(outcomes: Outcomes) -> None:
    """Keep what was found, in the order of the pairs, and the table of it; pairs that are no more are dropped."""
    ordered: Outcomes = {}
    for library, model_type, task in all_pairs():
        said = outcomes.get(library, {}).get(model_type, {}).get(task)
        if said is not None:
            ordered.setdefault(library, {}).setdefault(model_type, {})[task] = said
    OUTCOMES.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")
    TABLE.write_text(render_table(ordered), "utf-8")


def checked_pairs(outcomes: Outcomes) -> list[Pair]:
    """The pairs that were exported and compared."""
    return [pair for pair in all_pairs() if outcome_of(pair, outcomes) == CHECKED]


def outcome_of(pair: Pair, outcomes: Mapping[str, Mapping[str, Mapping[str, str]]]) -> str | None:
    """What came of a pair; None where it was not tried."""
    library, model_type, task = pair
    return outcomes.get(library, {}).get(model_type, {}).get(task)


def part_of(pairs: list[Pair], part: str | None) -> list[Pair]:
    """The pairs of a part, written "2/6": every sixth, from the third on. Without a part the sample."""
    if not part:
        return [pair for pair in SAMPLE if pair in pairs]
    number, count = (int(item) for item in part.split("/"))
    return pairs[number % count :: count]


def render_table(outcomes: Outcomes) -> str:
    """The page that says of each pair whether it was checked, or why not."""
    pairs = list(all_pairs())
    checked = len(checked_pairs(outcomes))
    lines = [
        "# Exports",
        "",
        f"{checked} of {len(pairs)} pairs of model type and task are exported to ONNX and checked: a tiny model with",
        "random weights, traced with the inputs and axes of its configuration (`torch.onnx.export`, `dynamo=True`),",
        "run in ONNX Runtime on a second batch of other lengths, and compared with PyTorch. Of a task with past it is",
        "the graph that takes cached keys and values; of models with an encoder and a decoder, that of the decoder.",
        "",
        "This page is written by `tools/check_exports.py`; CI checks a part of the pairs anew in each run.",
        "",
        "| library | model type | checked | not checked |",
        "|---|---|---|---|",
    ]
    for library, rows in ROWS.items():
        for model_type, _, tasks in rows:
            said = {task: outcome_of((library, model_type, task), outcomes) or "not tried" for task in tasks}
            done = ", ".join(task for task, outcome in said.items() if outcome == CHECKED)
            reasons: dict[str, list[str]] = {}
            for task, outcome in said.items():
                if outcome != CHECKED:
                    reasons.setdefault(outcome, []).append(task)
            left = "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
            lines.append(f"| {library} | {model_type} | {done} | {left} |")
    return "\n".join(lines) + "\n"
