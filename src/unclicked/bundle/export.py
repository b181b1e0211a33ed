"""From a trained run to a bundle: what is served, whole or not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from unclicked import artefact
from unclicked.bundle import contents
from unclicked.bundle.card import card_text, model_card
from unclicked.bundle.golden import golden_queries
from unclicked.bundle.item_vectors import write_item_vectors
from unclicked.data.dataset import PreparedDataset, save_catalogue
from unclicked.data.item_names import load_names, save_names
from unclicked.errors import UnclickedError, UserError
from unclicked.recommendation import Answerer
from unclicked.run import EncoderMaker, Run, build_model
from unclicked.sealed import BUNDLE_KIND
from unclicked.training.weights import save as save_tensors

Say = Callable[[str], None]
# Adds files to a bundle that is being written and returns what the caller is told of them.
Extra = Callable[[Path, Answerer], dict[str, Any]]


@dataclass(frozen=True)
class Exported:
    """What an export made.

    Attributes:
        path: The bundle.
        items: Number of items.
        bytes: Size of all files.
        parity: What was measured of an index or a tower in another format.
    """

    path: Path
    items: int
    bytes: int
    parity: dict[str, Any]


def export_bundle(
    run: Run,
    out: Path,
    *,
    extras: dict[str, Extra] | None = None,
    encoder: EncoderMaker | None = None,
    warn: Say = lambda text: None,
) -> Exported:
    """Write everything that is needed to answer, and nothing of the users.

    The same run gives the same bytes. A bundle that is there is replaced at once, so that a
    service which watches it never sees half of one.

    Args:
        run: A trained run.
        out: Folder to make.
        extras: Further forms of the model by name, such as an index or a tower in another format;
            each writes its files and may refuse.
        encoder: Makes the encoder, where it is one of the user's own.
        warn: Called with sentences that a person should read.

    Returns:
        What was made.

    Raises:
        UserError: If `out` holds something else.
        ArtefactError: If a further form does not reach its parity.
        ResourceError: If the disk refuses to write.
    """
    dataset = _dataset(run, warn)
    run = replace(run, model=_without_users(run, encoder))
    parity: dict[str, Any] = {}

    def write(folder: Path) -> dict[str, Any]:
        answerer = Answerer(run)
        write_contents(run, _facts(run), _names(dataset), folder)
        artefact.write_json(folder / contents.GOLDEN, golden_queries(answerer))
        card = model_card(run, dataset)
        for name, extra in (extras or {}).items():
            parity[name] = extra(folder, answerer)
        artefact.write_json(folder / contents.CARD, card | {"parity": parity})
        (folder / contents.CARD_TEXT).write_text(card_text(card), encoding="utf-8")
        return {"kind": BUNDLE_KIND}

    size = sum(one.numel() * one.element_size() for one in run.model.parameters())
    refuse_other_kinds(out)
    artefact.publish(out, write, num_bytes=2 * size)
    files = [path for path in out.rglob("*") if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    return Exported(out, len(run.catalogue.items), total, parity)


def refuse_other_kinds(out: Path) -> None:
    """Refuse a folder in which something else of ours lies: only a bundle is replaced by one.

    Args:
        out: Folder of a bundle to be made.

    Raises:
        UserError: If it holds a data set or another artefact.
    """
    artefact.recover(out)
    if not (out / artefact.MANIFEST).is_file() or (out / contents.FACTS).is_file():
        # Nothing of ours, which is looked at later, or a bundle, whole or broken.
        return
    raise UserError(
        "OUT",
        str(out),
        "holds something else than a bundle and is not replaced. Choose another folder.",
    )


def _dataset(run: Run, warn: Say) -> PreparedDataset | None:
    """The run's data set, for names and the card; a bundle can do without."""
    try:
        dataset = PreparedDataset.open(run.facts.dataset)
        if dataset.sha256 == run.facts.dataset_sha256:
            return dataset
    except UnclickedError:
        pass
    warn(
        f"the data set of the run is not at {run.facts.dataset}: the bundle has no names of items "
        "and its card no counts of the log."
    )
    return None


def _without_users(run: Run, encoder: EncoderMaker | None) -> Any:
    """The same model without what it knows of single users: they are all served as unknown."""
    kept = contents.users_kept(run.config)
    if not kept:
        return run.model
    model = build_model(run.config, run.catalogue, run.profile_vocabularies, kept, encoder)
    own = dict(run.model.named_parameters())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.shape == own[name].shape:
                weight.copy_(own[name])
            else:
                weight.zero_()
    return model.eval()


def write_contents(
    source: Run | contents.Bundle, facts: dict[str, Any], names: list[str] | None, folder: Path
) -> None:
    """Write weights, items, profile values and facts of a model.

    Args:
        source: The model, without what it knows of single users.
        facts: What `bundle.json` holds.
        names: Names of the items for people, if there are any.
        folder: Folder of the bundle, still without its name.
    """
    model = source.model
    weights = {name: one.detach().cpu().contiguous() for name, one in model.named_parameters()}
    save_tensors(folder / contents.WEIGHTS, weights)
    (folder / contents.CATALOGUE).mkdir()
    save_catalogue(source.catalogue, folder / contents.CATALOGUE)
    if names is not None:
        save_names(pa.array(names, pa.string()), folder / contents.CATALOGUE)
    (folder / contents.PROFILES).mkdir()
    artefact.write_json(folder / "profiles.json", list(source.profile_vocabularies))
    for number, vocabulary in enumerate(source.profile_vocabularies.values()):
        vocabulary.save(folder / contents.PROFILES / f"{number}.parquet")
    write_item_vectors(source.catalogue, model.all_item_vectors().cpu(), folder / contents.ITEMS)
    artefact.write_json(folder / contents.FACTS, facts)


def _facts(run: Run) -> dict[str, Any]:
    return {
        "format": contents.FORMAT,
        "name": run.path.resolve().name,
        "config": run.config.model_dump(),
        "own_encoder": run.facts.own_encoder,
    }


def _names(dataset: PreparedDataset | None) -> list[str] | None:
    if dataset is None:
        return None
    return load_names(dataset.path / "catalogue", dataset.num_items)
