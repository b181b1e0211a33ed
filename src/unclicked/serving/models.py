"""The served models and their swap: load, verify, ask golden queries, change one reference."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from unclicked.artefact import MANIFEST
from unclicked.errors import UnclickedError
from unclicked.serving.served import Served, load_served

MAIN = "main"
Signature = tuple[tuple[str | int, ...], ...] | None
# A bundle that was refused is tried again, though it looks the same: a disk or the memory may have
# failed for a moment. The pause doubles.
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 300.0
# Looks at a bundle that changes while it is opened, at the start.
TRIES = 3


def signature(folder: Path) -> Signature:
    """What changes when another bundle appears under a name, through links, or a file of it.

    All files count, and not the manifest alone: of a bundle that is being copied to its place the
    manifest may come before the rest.

    Args:
        folder: A bundle.

    Returns:
        Name and numbers of each file; None where there is no manifest.
    """
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                status = path.stat()
            except OSError:
                continue
            numbers = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
            found.append((str(path.relative_to(folder)), *numbers))
    return tuple(sorted(found)) if any(one[0] == MANIFEST for one in found) else None


@dataclass
class Slot:
    """A name under which a model is served.

    Attributes:
        folder: Where its bundle lies.
        seen: Signature of the bundle that was last loaded or refused.
        served: The model that answers.
        problem: Why the newest bundle is not the one that answers; empty where it is.
        looked: Signature at the last look.
        pause: Seconds from the last refusal to the next try.
        again: When that is, by the clock that only goes forward.
    """

    folder: Path
    seen: Signature = None
    served: Served | None = None
    problem: str = ""
    looked: Signature = None
    pause: float = 0.0
    again: float = 0.0

    def is_due(self, found: Signature) -> bool:
        """Whether there is something to open.

        Args:
            found: The signature of what lies there now.

        Returns:
            True where it is another bundle, or one that was refused a while ago. After a refusal
            it must have stayed as it is since the last look: it may be a copy under way.
        """
        settled, self.looked = found == self.looked, found
        if found != self.seen:
            return settled or not self.problem
        return bool(self.problem and found is not None and time.monotonic() >= self.again)

    def refuse(self, found: Signature, problem: str) -> bool:
        """Take down that what lies there cannot be served.

        Args:
            found: Its signature.
            problem: Why.

        Returns:
            Whether that is news.
        """
        same = found == self.seen and problem == self.problem
        self.pause = min(2 * self.pause, LONGEST_RETRY_SECONDS) if same else RETRY_SECONDS
        self.again = time.monotonic() + self.pause
        self.seen, self.problem = found, problem
        return not same


@dataclass
class Models:
    """All served models.

    Attributes:
        slots: Name to its slot.
        max_batch: Users searched for at once.
        told: Called with a slot's name and whether a reload went well.
        swapped: Called when another model answers, before anybody asks it.
    """

    slots: dict[str, Slot]
    max_batch: int
    told: Callable[[str, bool], None] = field(default=lambda name, well: None)
    swapped: Callable[[], None] = field(default=lambda: None)

    def load(self) -> None:
        """Open every bundle at the start.

        Raises:
            UnclickedError: If one cannot be used.
        """
        for slot in self.slots.values():
            for _ in range(TRIES):
                slot.seen = signature(slot.folder)
                slot.served = load_served(slot.folder, self.max_batch)
                if signature(slot.folder) == slot.seen:
                    break
            else:
                raise UnclickedError(
                    "BUNDLE-CHANGED", str(slot.folder), "changed while it was opened. Start again."
                )

    def current(self, name: str) -> Served | None:
        """The model that answers now; whoever holds it keeps it until done.

        Args:
            name: "main" or "beside".

        Returns:
            The model; None where none has that name.
        """
        slot = self.slots.get(name)
        return None if slot is None else slot.served

    def all_current(self) -> dict[str, Served]:
        """All models that answer now, by name; whoever holds them keeps them until done."""
        return {name: one.served for name, one in self.slots.items() if one.served is not None}

    def problems(self) -> list[str]:
        """Why newer bundles are not served, one sentence each."""
        return [f"{name}: {one.problem}" for name, one in self.slots.items() if one.problem]

    async def watch(self, seconds: float) -> None:
        """Look for new bundles for ever; a bad one changes nothing.

        Args:
            seconds: Time between looks.
        """
        while True:
            await asyncio.sleep(seconds)
            for name, slot in self.slots.items():
                try:
                    await self.look(name, slot)
                except Exception as error:
                    # A defect of one look is none of the next.
                    _tell(f"look at {name}: {error!r:.500}")

    async def look(self, name: str, slot: Slot) -> None:
        """Swap a model where another bundle lies under its name.

        Args:
            name: Name of the slot.
            slot: The slot.
        """
        found = await asyncio.to_thread(signature, slot.folder)
        if not slot.is_due(found):
            return
        try:
            if found is None:
                raise UnclickedError("BUNDLE-GONE", str(slot.folder), "is not there any more.")
            new = await asyncio.to_thread(load_served, slot.folder, self.max_batch)
        except Exception as error:
            # Whatever is wrong with it: the old one goes on.
            problem = str(error) if isinstance(error, UnclickedError) else "cannot be loaded."
            if slot.refuse(found, problem):
                _tell(f"reload of {name} refused: {error!s:.500}")
                self.told(name, False)
            return
        if await asyncio.to_thread(signature, slot.folder) != found:
            # What was checked and what was read may be two bundles; the next look sees one.
            return
        slot.seen, slot.served, slot.problem = found, new, ""
        self.swapped()
        _tell(f"reload of {name}: now {new.sha256[:12]}")
        self.told(name, True)


def _tell(text: str) -> None:
    # Nobody may read it any more, and that is no reason to stop looking.
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
