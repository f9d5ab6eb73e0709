"""Lists the pairs of model type and task, reads and writes their outcomes, and renders the table of them.

`outcomes.json` holds the outcomes of the last run of `tools/check_exports.py`: library -> model type -> task ->
"checked", or the reason why the check failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from registry.export.support_table import SUPPORT_ROWS

Pair = tuple[str, str, str]
Outcomes = dict[str, dict[str, dict[str, str]]]

CHECKED = "checked"
OUTCOMES = Path(__file__).with_name("outcomes.json")
TABLE = Path(__file__).parents[3] / "docs" / "exports.md"

SAMPLE: tuple[Pair, ...] = (
    # Small graphs of five families, which are checked if no part is requested.
    ("transformers", "distilbert", "multiple-choice"),
    ("transformers", "vit", "image-classification"),
    ("transformers", "whisper", "automatic-speech-recognition-with-past"),
    ("diffusers", "clip-text", "feature-extraction"),
    ("timm", "default-timm-config", "image-classification"),
)


def list_pairs() -> Iterator[Pair]:
    """Library, model type and task of every shipped configuration, in order."""
    for library, rows in SUPPORT_ROWS.items():
        for model_type, _, tasks in rows:
            for task in tasks:
                yield library, model_type, task


def read_outcomes() -> Outcomes:
    """The outcomes of the last run; empty if there was none."""
    outcomes: Outcomes = json.loads(OUTCOMES.read_text("utf-8")) if OUTCOMES.exists() else {}
    return outcomes


def write_outcomes(outcomes: Outcomes) -> None:
    """Write the outcomes in the order of the pairs, and the table; drop pairs that do not exist any more."""
    ordered: Outcomes = {}
    for library, model_type, task in list_pairs():
        outcome = get_outcome((library, model_type, task), outcomes)
        if outcome is not None:
            ordered.setdefault(library, {}).setdefault(model_type, {})[task] = outcome
    OUTCOMES.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")
    TABLE.write_text(render_table(ordered), "utf-8")


def list_checked_pairs(outcomes: Outcomes) -> list[Pair]:
    """The pairs that were exported and compared."""
    return [pair for pair in list_pairs() if get_outcome(pair, outcomes) == CHECKED]


def get_outcome(pair: Pair, outcomes: Mapping[str, Mapping[str, Mapping[str, str]]]) -> str | None:
    """The outcome of a pair; None if it was not checked yet."""
    library, model_type, task = pair
    return outcomes.get(library, {}).get(model_type, {}).get(task)


def choose_part(pairs: list[Pair], part: str | None) -> list[Pair]:
    """The pairs of a part such as "2/6": every sixth pair, from the third on. Without a part, the sample."""
    if not part:
        return [pair for pair in SAMPLE if pair in pairs]
    number, count = (int(item) for item in part.split("/"))
    return pairs[number % count :: count]


def render_table(outcomes: Outcomes) -> str:
    """The page that lists for each pair whether the check succeeded, or why it failed."""
    pairs = list(list_pairs())
    checked = len(list_checked_pairs(outcomes))
    lines = [
        "# Exports",
        "",
        f"{checked} of {len(pairs)} pairs of model type and task are checked: a tiny model with random weights is",
        "exported to ONNX by its export configuration (`torch.onnx.export`, `dynamo=True`) and run in ONNX Runtime",
        "on a second batch with other sizes of all dynamic axes. Its outputs are compared with those of PyTorch.",
        "For a task with past, the graph that takes cached keys and values is checked; for models with an encoder",
        "and a decoder, that of the decoder. [Exporting](exporting.md) says how to export a model.",
        "",
        "`tools/check_exports.py` writes this page. CI checks a part of the pairs again in each run.",
        "",
        "| library | model type | checked | not checked |",
        "|---|---|---|---|",
    ]
    for library, rows in SUPPORT_ROWS.items():
        for model_type, _, tasks in rows:
            of_task = {task: get_outcome((library, model_type, task), outcomes) or "not tried" for task in tasks}
            succeeded = ", ".join(task for task, outcome in of_task.items() if outcome == CHECKED)
            tasks_by_reason: dict[str, list[str]] = {}
            for task, outcome in of_task.items():
                if outcome != CHECKED:
                    tasks_by_reason.setdefault(outcome, []).append(task)
            failed = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in tasks_by_reason.items())
            lines.append(f"| {library} | {model_type} | {succeeded} | {failed} |")
    return "\n".join(lines) + "\n"
