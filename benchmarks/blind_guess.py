"""How well ``shapes-vqa`` can be answered without its pictures.

The guesser gives the most frequent answer of a task's training questions with the same words. Where it has
not met these words, it takes the questions with the same words but for nouns, colours and places. Where there
are none either, it takes the questions of the same kind. It is told the words alone, or the words and the
object group. Chance is one over the number of answers that such a question may have.

    python benchmarks/blind_guess.py [--seeds 0 1 2] [--train 800] [--test 400]

It prints two tables: one of the default stream, over some seeds, and one of a larger stream.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Hashable

import numpy as np

from orchestrator.streams.source import SplitSource, StreamSource
from orchestrator.streams.synthetic.caption import plural
from orchestrator.streams.synthetic.colours import COLOURS
from orchestrator.streams.synthetic.drawings import DRAWINGS
from orchestrator.streams.synthetic.questions.answers import admitted
from orchestrator.streams.synthetic.questions.words import PLACES
from orchestrator.streams.vqa.shapes_vqa import ShapesVQA

_LINE = "{:<12}{:8.1f}{:8.1f}{:15.1f}{:14.1f}"


def _measure(streams: list[StreamSource], told_group: bool) -> dict[str, tuple[float, float, int]]:
    """By kind: chance, the guesser's accuracy, the number of test questions."""
    found: dict[str, tuple[float, float, int]] = {}
    for number in range(len(streams[0].tasks)):
        chances, right = [], []
        for stream in streams:
            splits = stream.tasks[number].splits
            train, test = (_seen(stream, splits[name], told_group) for name in ("train", "test"))
            heard: dict[Hashable, Counter[int]] = defaultdict(Counter)
            possible: dict[Hashable, set[str]] = defaultdict(set)
            for views, answer, group, kind in train:
                for view in views:
                    heard[view][answer] += 1
                possible[views[1]].update(_admitted(stream, group, kind))
            for views, answer, group, kind in test:
                known = next(view for view in views if view in heard)
                right.append(heard[known].most_common(1)[0][0] == answer)
                chances.append(1 / len(possible[views[1]] or _admitted(stream, group, kind)))
        found[streams[0].tasks[number].name] = float(np.mean(chances)), float(np.mean(right)), len(right)
    return found


def _admitted(stream: StreamSource, group: int, kind: int) -> tuple[str, ...]:
    families = [list(DRAWINGS).index(name) for name in stream.tables.groups]
    return admitted(families, group, stream.tables.kinds[kind])


def _seen(stream: StreamSource, split: SplitSource, told_group: bool) -> list[tuple]:
    """Each question's words, its words but for some, and its kind, each with the group where that is told;
    then its answer, group and kind.
    """
    nouns = set(stream.categories)
    struck = (
        nouns | set(map(plural, nouns)) | set(COLOURS) | {word for place in PLACES for word in place.split()}
    )
    rows = []
    for text, label, kind, answer in zip(
        split.captions,
        split.label.tolist(),
        split.questions.kind.tolist(),
        split.questions.answer[:, 0].tolist(),
        strict=True,
    ):
        group = stream.tables.group_of[label]
        form = " ".join(
            "" if word.strip("?") in struck else word for word in text.replace("an ", "a ").split()
        )
        views = [(view, group if told_group else None) for view in (text, form, kind)]
        rows.append((views, answer, group, kind))
    return rows


def _print(title: str, streams: list[StreamSource]) -> None:
    blind, told = (_measure(streams, told_group) for told_group in (False, True))
    print(f"\n{title}, {sum(n for _, _, n in blind.values())} test questions, percent")
    print(f"{'kind':<12}{'chance':>8}{'blind':>8}{'chance, group':>15}{'blind, group':>14}")
    for kind, row in blind.items():
        print(_LINE.format(kind, *(100 * figure for figure in (*row[:2], *told[kind][:2]))))
    means = (100 * np.mean([row[k] for row in table.values()]) for table in (blind, told) for k in (0, 1))
    print(_LINE.format("all", *means))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the default stream")
    for split, default in (("train", 800), ("test", 400)):
        told = "questions of each kind about each group in the larger stream"
        parser.add_argument(f"--{split}", type=int, default=default, help=told)
    return parser


def main(arguments: list[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    config = ShapesVQA.Config
    _print(
        f"The default stream, {len(given.seeds)} seed(s)",
        [ShapesVQA.load(config(seed=seed), skip_bad=False) for seed in given.seeds],
    )
    large = ShapesVQA.load(config(train=given.train, test=given.test), skip_bad=False)
    _print(f"{given.train} training questions of each kind about each group", [large])


if __name__ == "__main__":
    main()
