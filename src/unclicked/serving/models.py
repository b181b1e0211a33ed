"""The served models and their swap: load, verify, ask golden queries, change one reference."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from unclicked.artefact import MANIFEST
from unclicked.errors import UnclickedError
from unclicked.serving.served import Served, load_served

Signature = tuple[int, ...] | None


def signature(folder: Path) -> Signature:
    """What changes when another bundle appears under a name, through links.

    Args:
        folder: A bundle.

    Returns:
        Numbers of its manifest; None where there is none.
    """
    try:
        status = (folder / MANIFEST).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


@dataclass
class Slot:
    """A name under which a model is served.

    Attributes:
        folder: Where its bundle lies.
        seen: Signature of the bundle that was last loaded or refused.
        served: The model that answers.
        problem: Why the newest bundle is not the one that answers; empty where it is.
    """

    folder: Path
    seen: Signature = None
    served: Served | None = None
    problem: str = ""


@dataclass
class Models:
    """All served models.

    Attributes:
        slots: Name to its slot.
        max_batch: Users searched for at once.
        told: Called with a slot's name and whether a reload went well.
    """

    slots: dict[str, Slot]
    max_batch: int
    told: Callable[[str, bool], None] = field(default=lambda name, well: None)

    def load(self) -> None:
        """Open every bundle at the start.

        Raises:
            UnclickedError: If one cannot be used.
        """
        for slot in self.slots.values():
            slot.seen = signature(slot.folder)
            slot.served = load_served(slot.folder, self.max_batch)

    def current(self, name: str) -> Served | None:
        """The model that answers now; whoever holds it keeps it until done.

        Args:
            name: "main" or "beside".

        Returns:
            The model; None where none has that name.
        """
        slot = self.slots.get(name)
        return None if slot is None else slot.served

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
                await self.look(name, slot)

    async def look(self, name: str, slot: Slot) -> None:
        """Swap a model where another bundle lies under its name.

        Args:
            name: Name of the slot.
            slot: The slot.
        """
        found = await asyncio.to_thread(signature, slot.folder)
        if found == slot.seen:
            return
        slot.seen = found
        try:
            if found is None:
                raise UnclickedError("BUNDLE-GONE", str(slot.folder), "is not there any more.")
            new = await asyncio.to_thread(load_served, slot.folder, self.max_batch)
        except Exception as error:
            # Whatever is wrong with it: the old one goes on.
            slot.problem = str(error) if isinstance(error, UnclickedError) else "cannot be loaded."
            sys.stderr.write(f"reload of {name} refused: {error!s:.500}\n")
            self.told(name, False)
            return
        slot.served, slot.problem = new, ""
        sys.stderr.write(f"reload of {name}: now {new.sha256[:12]}\n")
        self.told(name, True)
