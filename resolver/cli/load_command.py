"""Defines the command `load`."""

from __future__ import annotations

from typing import Any

import click

from resolver.cli.hub_options import file_option, hub_options, ray_option
from resolver.cli.running import run


@click.command(
    epilog="""\b
Examples:
  hubresolve load openai/whisper-small --dtype bfloat16 --device cuda
  hubresolve load --file ids.txt --format jsonl --output loaded.jsonl
"""
)
@click.argument("ids", nargs=-1, metavar="[ID[@REV] | URL | FOLDER]...")
@file_option
@hub_options
@click.option("--device", metavar="D", default="cpu", show_default=True, help="Device for the weights, such as cuda:0.")
@click.option("--dtype", metavar="T", help="Data type of the weights, such as bfloat16.  [default: the library's]")
@click.option("--subfolder", metavar="S", default="", help="Folder of the repo that holds the model.")
@click.option("--variant", metavar="V", help="Variant of the weight files, such as fp16.")
@click.option("--gguf-file", metavar="F", help="GGUF file to load if the repo has several.")
@click.option("--cache-dir", metavar="DIR", help="Hugging Face cache folder.  [env: HF_HUB_CACHE]")
@click.option("--trust-remote-code", is_flag=True, help="Allow loading to run Python code of the repos.")
@click.option(
    "--max-resident-bytes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Load the next models ahead; all loaded models together take at most N bytes.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "jsonl")),
    default="table",
    show_default=True,
    help="Format of the results.",
)
@ray_option
@click.option("--output", metavar="F", help="Write the results to a file instead of standard output.")
@click.option("--unordered", is_flag=True, help="Load each model as soon as its files are fetched, not in input order.")
@click.option("--quiet", is_flag=True, help="Show no progress bar and no summary.")
def load(
    ids: tuple[str, ...],
    file: str | None,
    device: str,
    dtype: str | None,
    subfolder: str,
    variant: str | None,
    gguf_file: str | None,
    cache_dir: str | None,
    trust_remote_code: bool,
    max_resident_bytes: int | None,
    format_: str,
    ray_address: str | None,
    output: str | None,
    unordered: bool,
    quiet: bool,
    **hub: Any,
) -> int:
    """Load models one after the other and show class, parameters, dtype, memory and seconds of each."""
    from resolver.cli.loading import LoadRequest, load_ids
    from resolver.loading.options import LoadKwargs

    if not ids and file is None:
        raise click.UsageError("nothing to load: give ids or folders, or --file")
    options = LoadKwargs(
        library=hub["library"],
        device=device,
        dtype=dtype,
        subfolder=subfolder,
        variant=variant,
        gguf_file=gguf_file,
        cache_dir=cache_dir,
        trust_remote_code=trust_remote_code,
    )
    request = LoadRequest(ids=ids, file=file, options=options, max_resident_bytes=max_resident_bytes, output=output)
    if ray_address is not None:
        from resolver.cli.fleet import load_on_ray

        return run(load_on_ray(ray_address, request, hub, format_=format_, quiet=quiet))
    return run(load_ids(request, hub, format_=format_, ordered=not unordered, quiet=quiet))
