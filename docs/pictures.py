"""Makes the pictures that README.md shows, of a study in the runs folder:
``python docs/pictures.py NAME SEARCH``.

Chromium draws the study's page, one figure of that page, and MLflow's page of a search, as readers see them.
It has to be on the PATH. Together they have at most 300 kB.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

RUNS = Path("runs")
OUT = Path(__file__).parent / "pictures"
LIMIT = 300_000
"""The bytes that the pictures have together at most."""

_COLOURS = 128  # of a picture: text and lines need few
_SECONDS = 30  # that MLflow's page is given to draw itself


def main(arguments: list[str]) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        parser.error("no chromium, chromium-browser or google-chrome on the PATH")
    page = RUNS / given.study / "report.html"
    if not page.is_file():
        parser.error(f"{page}: is not there; allowed: a study that has ended")
    if not (RUNS / given.search / "tracking.jsonl").is_file():
        parser.error(f"{RUNS / given.search}: has no record; allowed: a search of the study")
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        own = Path(place, "figure.html")
        own.write_text(figure(page.read_text(encoding="utf-8"), "Paired differences"), encoding="utf-8")
        _shot(browser, page.resolve().as_uri(), "report", (900, 880))
        _shot(browser, own.as_uri(), "differences", (620, 560))
    _mlflow(browser, RUNS / given.search)
    size = sum(file.stat().st_size for file in OUT.glob("*.png"))
    print(f"{OUT}: {size} bytes")
    return 0 if size <= LIMIT else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", metavar="NAME", help="a study under runs that has ended")
    parser.add_argument("search", metavar="SEARCH", help="one of its searches, which MLflow's page shows")
    return parser


def figure(page: str, section: str) -> str:
    """A page with the first figure of a section alone, in the same style.

    Args:
        page: The page of a study.
        section: The section's heading.

    Raises:
        ValueError: The page has no such section, or the section has no figure.
    """
    head = page[: page.index("<body>") + len("<body>")]
    found = re.search(r"<figure>.*?</figure>", page[page.index(f">{section}</h3>") :], re.S)
    if found is None:
        raise ValueError(f"{section}: has no figure")
    return f"{head}{found[0]}</body></html>"


def shrink(file: Path) -> None:
    """Writes a picture anew with few colours."""
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


def _shot(browser: str, address: str, name: str, size: tuple[int, int]) -> None:
    file = OUT / f"{name}.png"
    width, height = size
    subprocess.run(
        [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        + [f"--window-size={width},{height}", f"--virtual-time-budget={1000 * _SECONDS}"]
        + [f"--screenshot={file}", address],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    shrink(file)


def _mlflow(browser: str, run: Path) -> None:
    command = [sys.executable, "-m", "orchestrator.tracking", "ui", str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            if not address.startswith("http"):
                raise SystemExit(f"{run}: MLflow's page has no address, but {address!r}")
            _shot(browser, address, "mlflow", (1300, 860))
        finally:
            server.terminate()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
