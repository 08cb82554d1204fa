import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def test_nothing_of_the_tests_can_be_taken_for_a_package_of_ours():
    """`pytest` leaves the current folder out of its paths, so a folder `orchestrator` below one of them would
    come before the installed package.
    """
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    paths = [_ROOT / path for path in settings["pythonpath"]]
    assert paths and all(path.is_dir() for path in paths)
    names = {"orchestrator", "methods", "search_spaces"}
    assert not [path / name for path in paths for name in names if (path / name).exists()]
