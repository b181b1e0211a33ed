"""An approximate index of the items by faiss, with its recall measured before it may be served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor

from unclicked import artefact
from unclicked.bundle import contents
from unclicked.bundle.faiss_search import FaissSearcher, faiss_package
from unclicked.bundle.made_up import made_up_users
from unclicked.data.catalogue import Catalogue
from unclicked.errors import ArtefactError, UserError
from unclicked.recommendation import Answerer
from unclicked.recommendation.answerer import Searcher
from unclicked.retrieval import ExactIndex

Kind = Literal["ivf", "hnsw"]
# Not the golden queries' seed: what is measured on them must not be what they check.
SEED, QUERIES = 29, 512
NEIGHBOURS, CONSTRUCTION, LEAST_SEARCH, MOST_SEARCH = 32, 128, 16, 8192
FORMAT = 1


def faiss_extra(
    kind: Kind, least_recall: float = 0.95, top_k: int = 100
) -> Callable[[Path, Answerer], dict[str, Any]]:
    """A further form of a bundle: an approximate index that finds what the exact search finds.

    Its effort (lists looked into, or candidates kept) is doubled until its lists reach the recall
    against the exact ones, for made-up users; a catalogue of any size can have one.

    Args:
        kind: "ivf" (about the root of the number of items in lists) or "hnsw" (a graph).
        least_recall: Share of the exact lists' items that must be found, above 0 up to 1.
        top_k: Length of the lists it is measured on; longer ones are searched exactly.

    Returns:
        What `export_bundle` takes among its extras; it raises an ArtefactError where the recall
        is not reached, since what was made is not fit to be served, whatever was asked for.

    Raises:
        UserError: If faiss is not installed or a setting is out of range.
    """
    if kind not in ("ivf", "hnsw"):
        raise UserError("INDEX", "kind", f"found {kind!r}, expected ivf or hnsw.")
    if not 0 < least_recall <= 1:
        raise UserError("INDEX", "least_recall", f"found {least_recall}, expected 0 to 1.")
    if top_k < 1:
        raise UserError("INDEX", "top_k", f"found {top_k}, expected at least 1.")
    faiss_package()

    def write(folder: Path, answerer: Answerer) -> dict[str, Any]:
        return _write(folder, answerer, kind, least_recall, top_k)

    return write


def _write(
    folder: Path, answerer: Answerer, kind: Kind, least_recall: float, top_k: int
) -> dict[str, Any]:
    faiss = faiss_package()
    source = answerer.source
    vectors = source.model.all_item_vectors().float().cpu()
    tie_rank = np.array(source.catalogue.id_rank)
    top_k = min(top_k, len(vectors) - 1)
    users = made_up_users(answerer, SEED, QUERIES)
    exact = ExactIndex(vectors, tie_rank=tie_rank).search(users, top_k)[1]
    threads = faiss.omp_get_max_threads()
    # Threads would make the bytes depend on who came first.
    faiss.omp_set_num_threads(1)
    try:
        index = _built(faiss, kind, vectors[1:].numpy())
    finally:
        faiss.omp_set_num_threads(threads)
    searcher = FaissSearcher(index, vectors, tie_rank, 1, top_k)
    most = index.nlist if kind == "ivf" else MOST_SEARCH
    # A graph keeps at least as many candidates as it is asked for.
    effort = 1 if kind == "ivf" else max(LEAST_SEARCH, 1 << (top_k - 1).bit_length())
    recall = _recall(searcher.with_effort(effort), users, exact)
    while recall < least_recall and effort < most:
        effort = min(2 * effort, most)
        recall = _recall(searcher.with_effort(effort), users, exact)
    if recall < least_recall:
        raise ArtefactError(
            "INDEX-RECALL",
            contents.INDEX,
            f"a {kind} index finds {recall:.4f} of the exact lists of {top_k} items, expected "
            f"{least_recall}. Take the other kind, a lower recall, or the exact search.",
        )
    faiss.write_index(index, str(folder / contents.INDEX))
    facts = {
        "format": FORMAT,
        "kind": kind,
        "parameters": _parameters(kind, index, effort),
        "recall": recall,
        "least_recall": least_recall,
        "top_k": top_k,
        "queries": QUERIES,
        "seed": SEED,
        "items": index.ntotal,
        "dim": index.d,
        "versions": {"faiss": faiss.__version__},
    }
    artefact.write_json(folder / contents.INDEX_FACTS, facts)
    told = ("kind", "parameters", "recall", "top_k", "queries")
    return {name: facts[name] for name in told}


def _built(faiss: Any, kind: Kind, vectors: np.ndarray[Any, np.dtype[np.float32]]) -> Any:
    count, dim = vectors.shape
    vectors = np.ascontiguousarray(vectors)
    if kind == "hnsw":
        index = faiss.IndexHNSWFlat(dim, NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = CONSTRUCTION
    else:
        lists = max(1, round(count**0.5))
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
        index.cp.seed = SEED
        # Fewer items than faiss likes for a list is what a small catalogue has.
        index.cp.min_points_per_centroid = 1
        index.train(vectors)
    index.add(vectors)
    return index


def _parameters(kind: Kind, index: Any, effort: int) -> dict[str, int]:
    if kind == "ivf":
        return {"nlist": int(index.nlist), "nprobe": effort}
    return {"M": NEIGHBOURS, "efConstruction": CONSTRUCTION, "efSearch": effort}


def _recall(searcher: FaissSearcher, users: Tensor, exact: Tensor) -> float:
    found = searcher.found(users, exact.shape[1])
    hits = [len(np.intersect1d(*pair)) for pair in zip(found, exact.numpy(), strict=True)]
    return float(np.sum(hits) / exact.numel())


def load_index(folder: Path, vectors: Tensor, catalogue: Catalogue) -> Searcher:
    """Read the index of a bundle whose files were checked against their hashes.

    Args:
        folder: The bundle.
        vectors: float [V + 1, D], the model's item vectors; scores are computed from them.
        catalogue: The items.

    Returns:
        What searches it.

    Raises:
        ArtefactError: If the index cannot be read or is not one of this catalogue.
        UserError: If faiss is not installed.
    """
    faiss = faiss_package()
    kind, effort, top_k = _read_facts(folder / contents.INDEX_FACTS)
    path, vectors = folder / contents.INDEX, vectors.float().cpu()
    index = _read_index(faiss, path)
    expected = faiss.IndexIVFFlat if kind == "ivf" else faiss.IndexHNSWFlat
    found = (type(index), index.ntotal, index.d, index.metric_type, index.is_trained)
    count, dim = len(catalogue.items), vectors.shape[1]
    if found != (expected, count, dim, faiss.METRIC_INNER_PRODUCT, True):
        raise ArtefactError(
            "INDEX-FIT",
            str(path),
            f"is {type(index).__name__} of {index.ntotal} vectors of {index.d} numbers with metric "
            f"{index.metric_type}, expected {expected.__name__} of {count} of {dim} by inner "
            "product. Export the bundle anew.",
        )
    return FaissSearcher(index, vectors, np.array(catalogue.id_rank), effort, top_k)


def _read_index(faiss: Any, path: Path) -> Any:
    """The index, with the limits that faiss itself can keep while it reads a file."""
    size = path.stat().st_size
    # No array of an honest file is larger than the file, and no list is counted that is not there.
    wanted = {"vector_byte": size, "loop": size}
    limits = {name: n for name, n in wanted.items() if hasattr(faiss, _limit("set", name))}
    before = {name: getattr(faiss, _limit("get", name))() for name in limits}
    try:
        for name, most in limits.items():
            getattr(faiss, _limit("set", name))(most)
        return faiss.read_index(str(path))
    except (RuntimeError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtefactError("INDEX-FILE", str(path), f"cannot be read ({reason}).") from None
    finally:
        for name, most in before.items():
            getattr(faiss, _limit("set", name))(most)


def _limit(verb: str, name: str) -> str:
    return f"{verb}_deserialization_{name}_limit"


def _read_facts(path: Path) -> tuple[str, int, int]:
    facts = artefact.read_json(path)
    if isinstance(facts, dict) and facts.get("format") == FORMAT:
        kind, parameters, top_k = facts.get("kind"), facts.get("parameters"), facts.get("top_k")
        name = {"ivf": "nprobe", "hnsw": "efSearch"}.get(str(kind))
        effort = parameters.get(name) if isinstance(parameters, dict) else None
        if name and type(effort) is int and type(top_k) is int and effort > 0 and top_k > 0:
            return str(kind), effort, top_k
    raise ArtefactError("INDEX-FACTS", str(path), "does not describe an index of this version.")
