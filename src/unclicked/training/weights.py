"""Tensors to a file and back: none is read before names, shapes and types are the expected ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from unclicked.errors import ArtefactError

# Names of thousands of tensors; a longer header is none of ours and would fill the memory.
LONGEST_HEADER = 1 << 20
MOST_TOLD = 5
DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}


def save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a new safetensors file that whoever may read its neighbours may read.

    Args:
        path: The file.
        tensors: Name to tensor, contiguous, on the CPU.

    Raises:
        SafetensorError: If the disk refuses to write.
        OSError: The same.
    """
    # The package itself makes files that nobody but their owner can read.
    path.touch()
    mode = path.stat().st_mode
    save_file(dict(tensors), path)
    path.chmod(mode)


@torch.no_grad()
def fill(path: Path, targets: Mapping[str, Tensor]) -> None:
    """Fill tensors from a safetensors file.

    Args:
        path: The file.
        targets: Name to the tensor to fill, float.

    Raises:
        ArtefactError: If the file cannot be read, its names, shapes or types are others, or a
            number is NaN or infinite.
    """
    try:
        with path.open("rb") as stream:
            if int.from_bytes(stream.read(8), "little") > LONGEST_HEADER:
                raise ArtefactError("CHECKPOINT", str(path), "has a header of another program.")
        with safe_open(path, framework="pt") as file:
            refuse_others(path, file, targets)
            for name, target in targets.items():
                found = file.get_tensor(name)
                if not bool(torch.isfinite(found).all()):
                    where = f"{path} {name}"
                    raise ArtefactError("CHECKPOINT-NAN", where, "holds NaN or infinity.")
                target.copy_(found)
    except (OSError, SafetensorError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtefactError("CHECKPOINT", str(path), f"cannot be read ({reason}).") from None


def refuse_others(path: Path, file: Any, targets: Mapping[str, Tensor]) -> None:
    """Refuse a file of another configuration or catalogue before a tensor of it is read.

    Args:
        path: The file.
        file: The same, opened by safetensors.
        targets: Name to a tensor of the shape and type that is expected.

    Raises:
        ArtefactError: If a name, shape or type is another; it lists the first few.
    """
    names = set(file.keys())
    differ = [f"{name} is missing" for name in sorted(set(targets) - names)]
    differ += [f"{name[:80]} is not known" for name in sorted(names - set(targets))]
    for name in sorted(names & set(targets)):
        found, target = file.get_slice(name), targets[name]
        shape, wanted = tuple(found.get_shape()), tuple(target.shape)
        if shape != wanted:
            differ.append(f"{name} has shape {shape}, expected {wanted}")
        elif DTYPES.get(found.get_dtype()) != target.dtype:
            differ.append(f"{name} is {found.get_dtype()}, expected {target.dtype}")
    if differ:
        more = f"; and {len(differ) - MOST_TOLD} more" if len(differ) > MOST_TOLD else ""
        raise ArtefactError(
            "CHECKPOINT-FIT",
            str(path),
            f"is of another configuration or catalogue: {'; '.join(differ[:MOST_TOLD])}{more}.",
        )
