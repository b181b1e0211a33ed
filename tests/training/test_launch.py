"""What torchrun tells a process, and which GPU it takes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from unclicked.errors import UserError
from unclicked.training.launch import Place, device_name, is_first, place_of


def told(number: object, count: object, local: object) -> dict[str, str]:
    return {"RANK": str(number), "WORLD_SIZE": str(count), "LOCAL_RANK": str(local)}


def test_a_process_knows_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place_of(told(5, 8, 1)) == Place(5, 8, 1)
    for name, value in told(1, 2, 1).items():
        monkeypatch.setenv(name, value)
    assert not is_first()
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert is_first()
    # Half of it is of some other launcher.
    monkeypatch.delenv("WORLD_SIZE")
    assert place_of() == Place(0, 1, 0)


@pytest.mark.parametrize(
    "numbers", [(2, 2, 0), (0, 0, 0), ("", 2, 0), (1, "two", 0), (-1, 2, 0), (0, 2, 1)]
)
def test_places_that_cannot_be_are_refused(numbers: tuple[object, ...]) -> None:
    with pytest.raises(UserError, match=r"WORLD_SIZE=.*Start it with torchrun"):
        place_of(told(*numbers))


def test_each_process_of_a_machine_takes_its_own_gpu() -> None:
    assert device_name("cuda", Place(0, 1, 0)) == "cuda"
    assert device_name("cuda:3", Place(0, 1, 0)) == "cuda:3"
    assert device_name("cpu", Place(1, 2, 1)) == "cpu"
    assert [device_name("cuda", Place(n, 4, n % 2)) for n in (0, 3)] == ["cuda:0", "cuda:1"]
    with pytest.raises(UserError, match="one GPU for 2 processes"):
        device_name("cuda:0", Place(1, 2, 1))


def test_it_is_known_without_torch() -> None:
    code = "import sys; from unclicked.training import launch; launch.is_first(); "
    code += "print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
