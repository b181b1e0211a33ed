"""A training step of ours against one of the peers' own libraries, side by side at one size."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from unclicked.bench.alone import GIB
from unclicked.bench.paper_size import PROFILE, SMALL, Sizes
from unclicked.bench.peers.install import peers_folder, python_of
from unclicked.bench.peers.known import LIBRARIES, PEERS, Peer
from unclicked.bench.peers.side import Answer, Side, SideError, our_side, peer_side
from unclicked.bench.ratio import Row, compared
from unclicked.doctor.machine import free_memory_bytes
from unclicked.errors import UserError
from unclicked.processor import fast_bfloat16
from unclicked.progress import Note

TITLE = "a training step of SDM + plug-in against the peers' own libraries (--install gets them)"
OURS = Path(__file__).with_name("with_unclicked.py")
# Threads of the other side that still wait busily for work come to rest in this time.
REST_SECONDS = 0.05
Say = Callable[[str], None]
StartPeer = Callable[[Peer], Side | None]


def run(rounds: int, small: bool, say: Say) -> list[Row]:
    """Each installed peer by turns with ours, one peer at a time.

    Args:
        rounds: Rounds that count.
        small: Tiny sizes, to see that it works.
        say: Called with lines that tell how far it is, and what is left out and why.

    Returns:
        For each peer a row of milliseconds a step for each precision of ours, and one of the
        largest memory of each side's process, all included.

    Raises:
        UserError: If no peer is installed.
        SideError: If ours fails, or every peer that is installed.
    """
    return measured(PEERS, installed(peers_folder()), rounds, small, say)


def installed(folder: Path) -> StartPeer:
    """Starts peers out of a folder of environments.

    Args:
        folder: Where the environments lie.

    Returns:
        A function that gives a peer's side, or None where it is not installed.
    """

    def start(peer: Peer) -> Side | None:
        library = LIBRARIES[peer.library]
        python = python_of(folder, library)
        return None if python is None else peer_side(peer.name, python, library.path)

    return start


def measured(
    peers: Sequence[Peer], start: StartPeer, rounds: int, small: bool, say: Say
) -> list[Row]:
    """The rows of some peers.

    Args:
        peers: What to measure.
        start: Gives a peer's side, or None where it is not installed.
        rounds: Rounds that count.
        small: Tiny sizes.
        say: Called with lines.

    Returns:
        Their rows, in order; a peer that fails is told and left out.

    Raises:
        UserError: If none is installed.
        SideError: If ours fails, or every peer that is installed.
    """
    rows: list[Row] = []
    failed: SideError | None = None
    for peer in peers:
        side = start(peer)
        if side is None:
            advice = "unclicked bench peers --install installs it"
            say(Note(f"{peer.name} is left out: {advice}"))
            continue
        with side:
            try:
                rows += _rows(peer, side, rounds, small, say)
            except SideError as error:
                if error.where != peer.name:
                    raise
                say(Note(f"{peer.name} is left out: {error}"))
                failed = error
    if rows:
        return rows
    if failed is not None:
        raise failed
    raise UserError(
        "BENCH-PEERS",
        str(peers_folder()),
        "no peer is installed there. Run unclicked bench peers --install.",
    )


def _rows(peer: Peer, theirs: Side, rounds: int, small: bool, say: Say) -> list[Row]:
    """The rows of one peer."""
    sizes = SMALL if small else dataclasses.replace(Sizes(), num_items=peer.num_items)
    order = _order(sizes)
    say(f"{peer.name}, {sizes.num_items:,} items: build")
    precisions = ["float32", "bfloat16"] if fast_bfloat16() else ["float32"]
    _refuse_without_memory(peer, small)
    with our_side(OURS) as ours:
        ours.ask(order | {"last": peer.last})
        theirs.ask(order | dict(peer.order))
        turns = {name: (ours, {"do": "step", "precision": name}) for name in precisions}
        answers = _by_turns(turns | {peer.name: (theirs, {"do": "step"})}, rounds, say)
    where = "last position" if peer.last else "all positions"
    at = f"{where}, {sizes.num_items:,} items"
    against = f"{peer.name} ({LIBRARIES[peer.library].title}: {peer.lacks})"
    steps = len(sizes.lengths)
    milliseconds = {
        name: [1000 * one.seconds / steps for one in told] for name, told in answers.items()
    }
    peaks = {name: [one.peak / GIB for one in told] for name, told in answers.items()}
    rows = [
        compared(f"step, {at}, {name}", milliseconds[name], against, milliseconds[peer.name], "ms")
        for name in precisions
    ]
    memory = f"peak memory of the process, {at}"
    return [*rows, compared(memory, peaks[precisions[0]], against, peaks[peer.name], "GiB")]


def _refuse_without_memory(peer: Peer, small: bool) -> None:
    """A process that the system ends for want of memory may not be the one that asked for it."""
    free = free_memory_bytes()
    if not small and free is not None and free < peer.memory * GIB:
        message = f"both sides need about {peer.memory} GiB of memory, {free // GIB} are free."
        raise SideError(peer.name, message)


def _order(sizes: Sizes) -> dict[str, Any]:
    """The order to build, with the sizes and as many threads as this process uses."""
    return {
        "do": "build",
        "threads": torch.get_num_threads(),
        "profile": list(PROFILE.values()),
        **dataclasses.asdict(sizes),
    }


def _by_turns(
    turns: Mapping[str, tuple[Side, Mapping[str, Any]]], rounds: int, say: Say
) -> dict[str, list[Answer]]:
    """Answers of all rounds but the first, by name."""
    answers: dict[str, list[Answer]] = {name: [] for name in turns}
    for turn in range(rounds + 1):
        for name, (side, order) in turns.items():
            answer = side.ask(order)
            time.sleep(REST_SECONDS)
            if turn:
                answers[name].append(answer)
        say(f"round {turn} of {rounds}" if turn else "first round, which does not count")
    return answers
