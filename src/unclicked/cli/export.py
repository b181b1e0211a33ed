"""The verb `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from unclicked.cli import shared
from unclicked.errors import UserError, command


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run.")],
    out: Annotated[Path, typer.Option(help="Bundle to make; one that is there is replaced.")],
    index: Annotated[
        Literal["exact", "faiss"],
        typer.Option(help="How lists are searched: exactly, or by an approximate FAISS index."),
    ] = "exact",
    faiss_kind: Annotated[
        Literal["ivf", "hnsw"], typer.Option(help="Kind of the FAISS index.")
    ] = "ivf",
    least_recall: Annotated[
        float,
        typer.Option(
            help="Recall@100 against exact search below which an index is refused.", min=0, max=1
        ),
    ] = 0.95,
    onnx: Annotated[bool, typer.Option("--onnx", help="Write the user tower as ONNX too.")] = False,
    as_json: shared.AsJson = False,
) -> None:
    """Write what is served: weights, items, rules, a model card, golden queries; no user data.

    The item vectors lie in items.parquet too, for any vector database.

    Example: unclicked export runs/unclicked --out bundle
    """
    if faiss_kind != "ivf" and index != "faiss":
        raise UserError("ARGUMENTS", "--faiss-kind", "goes with --index faiss.")
    from unclicked.bundle.export import Extra, export_bundle
    from unclicked.run import open_run

    extras: dict[str, Extra] = {}
    if index == "faiss":
        from unclicked.bundle.faiss_index import faiss_extra

        extras["faiss"] = faiss_extra(faiss_kind, least_recall)
    if onnx:
        from unclicked.bundle.onnx_tower import onnx_extra

        extras["onnx"] = onnx_extra()
    made = export_bundle(open_run(run, warn=shared.warn), out, extras=extras, warn=shared.warn)
    if as_json:
        content: dict[str, Any] = {
            "bundle": str(made.path),
            "items": made.items,
            "bytes": made.bytes,
            "parity": made.parity,
        }
        shared.print_json(content)
        return
    typer.echo(f"{out}: {made.items:,} items, {made.bytes / 2**20:,.1f} MiB, no user data")
    for name, facts in made.parity.items():
        told = ", ".join(f"{key} {value}" for key, value in facts.items())
        typer.echo(f"{name}: {told}")
    shared.say_next(command("serve", out), as_json)
