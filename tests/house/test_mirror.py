"""The tests mirror the package: a test is found where its module would be."""

from __future__ import annotations

from pathlib import Path

# Folders of tests that belong to no single module.
WITHOUT_TWIN = {"house", "e2e", "learn", "contracts"}


def mirrors(path: Path, package: Path) -> bool:
    """Whether a file of the tests (path from `tests/`) belongs to a module of the package.

    `tests/a/test_b_c.py` belongs to `a/b_c.py` or `a/b.py`; `tests/encoders/test_encoder_c.py` to
    the package `encoders`; `tests/a/b_twin.py`, without `test_`, supports the tests of `a/b.py`.
    """
    words = path.stem.removeprefix("test_").split("_")
    names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    folder = package / path.parent
    if any((folder / f"{name}.py").is_file() for name in names):
        return True
    package_names = {folder.name, folder.name.removesuffix("s")}
    return bool(package_names & set(names)) and (folder / "__init__.py").is_file()


def test_every_test_has_a_module(root: Path) -> None:
    tests = root / "tests"
    packages = {"scripts": root}
    package = root / "src" / "unclicked"
    files = [path.relative_to(tests) for path in sorted(tests.rglob("*.py"))]
    strays = [
        path.as_posix()
        for path in files
        if path.parts[0] not in WITHOUT_TWIN
        and path.name not in {"conftest.py", "__init__.py"}
        and not mirrors(path, packages.get(path.parts[0], package))
    ]
    assert strays == []
    assert len(files) > 1


def test_a_stray_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "nn").mkdir()
    (tmp_path / "nn" / "pooling.py").touch()
    assert mirrors(Path("nn/test_pooling.py"), tmp_path)
    assert mirrors(Path("nn/test_pooling_masks.py"), tmp_path)
    assert not mirrors(Path("test_pooling.py"), tmp_path)
    assert not mirrors(Path("nn/test_pool.py"), tmp_path)
