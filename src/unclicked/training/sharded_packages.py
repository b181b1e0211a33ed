"""What tables that lie apart need: settings, and packages that fit, known before the import."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from unclicked.config import TrainConfig
from unclicked.errors import UserError
from unclicked.training.ranks import Ranks

# TorchRec's own rule for its releases: 1.X is built for torch 2.(X + 5), with FBGEMM of the same
# number. Of another torch the compiled part does not load (an undefined symbol).
TORCH_AHEAD = 5
FBGEMM = ("fbgemm-gpu", "fbgemm-gpu-cpu")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def refuse_versions(installed: Callable[[str], str | None] = _installed) -> None:
    """Refuse packages that are missing or were not made for each other.

    Args:
        installed: Gives the version of a package, or None.

    Raises:
        UserError: It names what was found and the commands that install what fits.
    """
    torch = installed("torch") or "none"
    wanted = _release_for(torch)
    found = {"torchrec": installed("torchrec")}
    found |= {name: installed(name) for name in FBGEMM if installed(name) is not None}
    present = ", ".join(f"{name} {one}" for name, one in found.items() if one is not None) or "none"
    if wanted is None:
        raise UserError(
            "EXTRA",
            "train.tables = sharded",
            f"found torch {torch}, for which no release of torchrec is known. Use torch 2.13.",
        )
    fits = [
        one is not None and one.split(".")[:2] == wanted.split(".")[:2] for one in found.values()
    ]
    if len(found) < 2 or not all(fits):
        build = FBGEMM[1] if "+cpu" in torch or FBGEMM[0] not in found else FBGEMM[0]
        raise UserError(
            "EXTRA",
            "train.tables = sharded",
            f"torch {torch} needs torchrec {wanted} and {build} {wanted}, found {present}. Run "
            f"pip install {build}=={wanted} tensordict pyre-extensions torchmetrics==1.0.3 tqdm "
            f"torch=={torch.split('+')[0]}, then pip install --no-deps torchrec=={wanted}.",
        )


def _release_for(torch: str) -> str | None:
    """The release of TorchRec for a torch, without the last number's fixes.

    Args:
        torch: A version.

    Returns:
        The release; None where no rule gives one.

    Example:
        >>> _release_for("2.13.0+cpu"), _release_for("2.4.1"), _release_for("nightly")
        ('1.8.0', None, None)
    """
    numbers = torch.split("+")[0].split(".")
    if len(numbers) < 2 or numbers[0] != "2" or not numbers[1].isdecimal():
        return None
    minor = int(numbers[1]) - TORCH_AHEAD
    return f"1.{minor}.0" if minor >= 0 else None


def wanted(config: TrainConfig) -> bool:
    """Whether a configuration asks for tables that lie apart.

    Args:
        config: The `[train]` table.

    Returns:
        True for `train.tables = "sharded"`.
    """
    return config.tables == "sharded"


def refuse_sharded(config: TrainConfig, ranks: Ranks) -> None:
    """Refuse settings that tables spread over ranks cannot keep.

    Args:
        config: The `[train]` table.
        ranks: All ranks.

    Raises:
        UserError: It names the setting and what to set instead.
    """
    where = "train.tables = sharded"
    if config.clip_norm != 0:
        raise UserError(
            "SHARDED",
            where,
            f"found train.clip_norm = {config.clip_norm:g}: a row is moved where it lies, before "
            "the norm over all ranks is known. Set train.clip_norm = 0.",
        )
    if config.optimizer != "adagrad" or config.initial_accumulator <= 0:
        raise UserError(
            "SHARDED",
            where,
            f"found train.optimizer = {config.optimizer} and train.initial_accumulator = "
            f"{config.initial_accumulator:g}, expected adagrad and a number above 0.",
        )
    if config.ranking_loss != "sampled_softmax":
        raise UserError(
            "SHARDED",
            where,
            f"found train.ranking_loss = {config.ranking_loss}, expected sampled_softmax.",
        )
    if ranks.count == 1:
        raise UserError("SHARDED", where, "found one process. Start several with torchrun.")
    refuse_versions()
