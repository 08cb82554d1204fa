"""Data sets in their published layouts, of so few pictures that two steps of a large model take a moment."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import vqa_v2_files
from PIL import Image

from orchestrator.streams.vqa.files.object_groups import NEXT_QA_GROUPS

NEXT_QA_KINDS = ("CW", "TN", "TC", "DL", "DB", "DC", "DO", "CH")
"""VQACL's kinds of question, in the paper's order."""


def cifar_100(folder: Path, classes: int, each: int) -> None:
    """CIFAR-100's pickles, of its first so many classes: so many training pictures of each, and one to test
    on.
    """
    place = folder / "cifar-100-python"
    place.mkdir()
    draw = np.random.default_rng(0)
    for split, count in (("train", each), ("test", 1)):
        labels = np.tile(np.arange(classes), count)
        data = draw.integers(0, 256, (len(labels), 3072), np.uint8)
        names = [f"{k}.png" for k in range(len(labels))]
        found = {"data": data, "fine_labels": labels.tolist(), "filenames": names}
        (place / split).write_bytes(pickle.dumps(found))
    (place / "meta").write_bytes(pickle.dumps({"fine_label_names": [f"thing_{k}" for k in range(classes)]}))


def class_folders(folder: Path, classes: int, train: int, test: int) -> None:
    """``train/CLASS/*.jpg`` and ``test/CLASS/*.jpg``."""
    draw = np.random.default_rng(0)
    for k in range(classes):
        for split, count in (("train", train), ("test", test)):
            place = folder / split / f"pet_{k:02d}"
            place.mkdir(parents=True)
            for number in range(count):
                _picture(draw, place / f"{number}.jpg")


def listed_pictures(folder: Path, classes: int) -> None:
    """ImageNet-R's pictures, the lists that CLAP4CLIP's authors ship, and ``names.txt``. Each class has two
    training pictures, and one to test on.
    """
    lists: dict[str, list[str]] = {"train": [], "test": []}
    (folder / "imagenet_split").mkdir()
    for k in range(classes):
        for split, count in (("train", 2), ("test", 1)):
            place = folder / split / f"n{k:08d}"
            place.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (8, 8), (k, number, 0)).save(place / f"art_{number}.jpg")
                lists[split].append(f"{split}/n{k:08d}/art_{number}.jpg {k}")
    for split, lines in lists.items():
        (folder / "imagenet_split" / f"imagenetr_{split}.txt").write_text("\n".join(lines))
    (folder / "names.txt").write_text("\n".join(f"n{k:08d}\tthing {k}" for k in range(classes)))


INDUSTRIES = (
    *("3C数码", "家居用品", "家装家饰", "服饰鞋包", "母婴"),
    *("美容护理", "车品配件", "运动/户外", "食品/保健"),
)
"""P9D's industries, in no published order: that of the data set's file is not known."""


def p9d(folder: Path, tasks: int, train: int, test: int) -> None:
    """P9D's JSON and pictures: so many records of each of the first industries. Titles are Chinese."""
    draw = np.random.default_rng(0)
    for name in ("json", "train_images", "gallery_images"):
        (folder / name).mkdir()
    found: dict[str, dict] = {"train": {}, "test": {}, "query": {}, "gallery": {}}
    for task, industry in enumerate(INDUSTRIES[:tasks]):
        found["train"][industry] = {}
        for split, count in (("train", train), ("test", test), ("query", 2), ("gallery", 4)):
            for number in range(count):
                item = f"{split}{task}{number}"
                title = "".join(chr(0x4E00 + k) for k in draw.integers(0, 20000, 12))
                record = {"title": title, "cate_name": f"category {task} {number % 2}"}
                if split == "train":
                    found["train"][industry][item] = record
                else:
                    found[split][item] = {**record, "industry_name": industry}
                _picture(
                    draw, folder / f"{'train' if split == 'train' else 'gallery'}_images" / f"{item}.jpg"
                )
    for name, records in found.items():
        (folder / "json" / f"{name}.json").write_text(json.dumps(records), encoding="utf-8")


def vqacl(folder: Path) -> None:
    """VQACL's partition of VQA v2 with 36 regions of 2048 a picture: two questions of each kind about each
    of two groups of objects.
    """
    vqa_v2_files.write(folder, vqa_v2_files.layout(groups=2), shape=(36, 2048))


def next_qa(folder: Path) -> None:
    """NExT-QA in VQACL's partition with 16 clips of 4096 a video: a question of each kind about one object of
    each group, in each split.
    """
    for name in ("Partition_Q_v2", "vid_feat"):
        (folder / name).mkdir()
    (folder / "stopwords.txt").write_text("the\n")
    objects = [members[0] for members in NEXT_QA_GROUPS.values()]
    columns = ["video", "frame_count", "width", "height", "question", "answer", "qid", "type", "bigCate"]
    for first, split in enumerate(("train", "val", "test")):
        videos = [1000 * (first + 1) + number for number in range(len(objects))]
        for k, kind in enumerate(NEXT_QA_KINDS):
            rows = [
                [video, 9, 64, 48, f"what about thing {n}", f"answer {k}", k, kind, object_]
                for n, (video, object_) in enumerate(zip(videos, objects, strict=True))
            ]
            with open(folder / "Partition_Q_v2" / f"{split}_{kind}.csv", "w", newline="") as file:
                csv.writer(file).writerows([columns, *rows])
        with h5py.File(folder / "vid_feat" / f"app_mot_{split}.h5", "w") as file:
            file["ids"] = np.array(videos)
            file["feat"] = np.ones((len(videos), 16, 4096), np.float32)


def contvqa(folder: Path) -> None:
    """VQA v2 with ContVQA's lists and COCO's pictures: five questions of each type and split."""
    vqa_v2_files.jpegs(vqa_v2_files.write(folder, vqa_v2_files.contvqa(each=1), pictures=False))


def _picture(draw: np.random.Generator, path: Path) -> None:
    Image.fromarray(draw.integers(0, 256, (240, 320, 3), np.uint8)).save(path)
