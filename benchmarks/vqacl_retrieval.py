"""How often can VQACL's rule choose the right object, whatever its encoder has learnt?

    python benchmarks/vqacl_retrieval.py [--noise 0 0.3 1 2] [--train 400] [--test 200]

The rule takes the mean over a picture's regions, and chooses the prototype nearest to it, by the cosine of
hyperbolic tangents. Here the regions are those of ``shapes-vqa`` with ``stream.pictures=regions``, as they
come, and prototypes are the means of all training pictures of an object: of thirty, in five groups. The table
has the percentage of test pictures whose prototype is the right object's, and that of pictures whose
prototype is of the right group, by the number of things in a picture. Beside them are the same figures where
the query is the region of the thing that is asked about alone.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from methods.vqa.vqacl.prototypes import nearest
from orchestrator.streams.synthetic.detected_regions import WIDTH
from orchestrator.streams.synthetic.families import THINGS
from orchestrator.streams.synthetic.scenes import Scenes
from orchestrator.streams.vqa.shapes_vqa import ShapesVQA

_KIND = 6  # what color is the cat?


def _features(noise: float, things: int, train: int, test: int) -> dict[str, tuple[torch.Tensor, ...]]:
    """By split: means over the regions, the asked things' own regions, and objects."""
    config = ShapesVQA.Config(
        pictures="regions",
        region_noise=noise,
        others=things - 1,
        train=train,
        validation=1,
        test=test,
        tasks=7,
    )
    task = ShapesVQA.load(config, skip_bad=False).tasks[_KIND]
    found = {}
    for name in ("train", "test"):
        split = task.splits[name]
        regions = split.pictures.read(np.arange(len(split.label)))
        own = _asked(split.pictures.scenes, split.label, regions)
        label = torch.from_numpy(split.label.astype(int))
        found[name] = torch.from_numpy(regions[..., :WIDTH].mean(1)), torch.from_numpy(own), label
    return found


def _asked(scenes: Scenes, label: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """The features of the region of the thing that is asked about."""
    rows = np.arange(len(label))
    at = ((scenes.thing == (label % THINGS)[:, None]) & (scenes.family >= 0)).argmax(1)
    centre = np.stack([scenes.x[rows, at], scenes.y[rows, at]], 1).astype(np.float32)
    side = scenes.side[rows, at].astype(np.float32)
    wanted = np.concatenate([centre - side[:, None] / 2, centre + side[:, None] / 2], 1)
    return regions[rows, np.abs(regions[..., WIDTH:] - wanted[:, None]).sum(-1).argmin(1), :WIDTH]


def _right(train: torch.Tensor, of: torch.Tensor, test: torch.Tensor, wanted: torch.Tensor) -> list[float]:
    means = torch.stack([train[of == c].mean(0) for c in range(int(of.max()) + 1)]).nan_to_num()
    chosen = nearest(means, test)
    rows = chosen == wanted, chosen // THINGS == wanted // THINGS
    return [100 * row.float().mean().item() for row in rows]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--noise", type=float, nargs="+", default=[0, 0.3, 1, 2])
    parser.add_argument("--train", type=int, default=400, help="pictures of each group")
    parser.add_argument("--test", type=int, default=200, help="the same")
    options = parser.parse_args(arguments)
    print("                 mean over the regions    its own region")
    print("noise  things       object     group    object     group")
    for noise in options.noise:
        for things in (1, 2, 4):
            found = _features(noise, things, options.train, options.test)
            (mean, own, of), (test_mean, test_own, wanted) = found["train"], found["test"]
            row = _right(mean, of, test_mean, wanted) + _right(own, of, test_own, wanted)
            print(f"{noise:5} {things:7}   ", *(f"{value:9.1f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
