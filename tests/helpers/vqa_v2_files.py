"""VQA v2 in the layout of VQACL's code, with ContVQA's lists in it, about a few pictures."""

import json

import h5py
import numpy as np
from PIL import Image

from orchestrator.streams.synthetic.questions.kinds import KINDS
from orchestrator.streams.vqa.files.coco import COCO
from orchestrator.streams.vqa.files.contvqa_tasks import PAIRS
from orchestrator.streams.vqa.files.object_groups import VQA_V2_GROUPS

SHAPE = (3, 5)
IDS = list(COCO)
# Two objects of each group, as the groups number them, in train2014; one of each in val2014.
TRAIN = [n for members in VQA_V2_GROUPS.values() for n in members[:2]]
VAL = [members[2] for members in VQA_V2_GROUPS.values()]


def picture(number, part="train"):
    return f"COCO_{part}2014_{number + 1:012d}"


def annotators(*answers):
    return [{"answer": a, "answer_confidence": "yes", "answer_id": i} for i, a in enumerate(answers, 1)]


def record(kind, number, part, evaluated):
    """One of the partition's: a label of the vocabulary, and at test ten annotators."""
    found = {
        "answer_type": "other",
        "img_id": picture(number, part),
        "label": {"answer": 0.3, f"{kind} {number % 3}": 1},
        "question_id": (number + 1) * 1000 + KINDS.index(kind) + (500 if part == "val" else 0),
        "question_type": "what",
        "sent": f"{kind}: 何 {number}?",
        "is_topk_optimal": True,
    }
    if evaluated:
        found["answers"] = annotators(*[f"{kind} {number % 3}"] * 4, *["Two."] * 3, "two", "answer", "rare")
    return found


def layout(groups=5):
    """The files below the data folder, by their relative names, with pictures of the first so many groups."""
    train, val = TRAIN[: 2 * groups], VAL[:groups]
    files = {
        "ImgId_cate_map.json": {
            **{picture(n): IDS[n] for n in train},
            **{picture(n, "val"): IDS[n] for n in val},
        },
        "vqa/trainval_ans2label.json": {
            a: i for i, a in enumerate(["answer", *(f"{k} {r}" for k in KINDS for r in range(3))])
        },
    }
    for kind in KINDS:
        for split, part, numbers in (("train", "train", train), ("val", "val", val), ("test", "val", val)):
            rows = [record(kind, n, part, split != "train") for n in numbers]
            for row in rows:
                row["question_id"] += 10**6 * (split == "test")
            files[f"vqa/Partition_Q/karpathy_{split}_q_{kind}.json"] = rows
    return files


def contvqa(each=4):
    """So many questions of each split about each of 25 pairs of domain and type."""
    files = {}
    questions = {"train": [], "val": []}
    annotations = {"train": [], "val": []}
    lists = {}
    item = 0
    for domain in PAIRS:
        for number, kind in enumerate(PAIRS.values()):
            for n in range(3 * each):
                split, part = (("train", "train"), ("valid", "train"), ("test", "val"))[n // each]
                item += 1
                image = TRAIN[item % len(TRAIN)] if part == "train" else VAL[item % len(VAL)]
                questions[part].append(
                    {"image_id": image + 1, "question": f"{domain} {kind} 猫 {n}?", "question_id": item}
                )
                answers = [f"{kind.title()} {n % 2}"] * 7 + [f"rare {item}"] * 2 + ["A dog"]
                annotations[part].append(
                    {
                        "question_id": item,
                        "image_id": image + 1,
                        "question_type": "what",
                        "answer_type": ("yes/no", "number", "other")[number % 3],
                        "multiple_choice_answer": f"{kind} {n % 2}",
                        "answers": annotators(*answers),
                    }
                )
                for folder, task in (
                    ("taxonomy_domains", domain),
                    ("question_types", kind),
                    ("diverse_domains", f"group_{item % 5 + 1}"),
                ):
                    path = f"contvqa/data/{folder}/{split}_question_ids.json"
                    lists.setdefault(path, {}).setdefault(task, []).append(str(item))
    files |= lists
    for part in questions:
        files[f"vqa/v2_OpenEnded_mscoco_{part}2014_questions.json"] = {
            "info": {"year": 2017},
            "license": {"url": "x"},
            "questions": questions[part],
        }
        files[f"vqa/v2_mscoco_{part}2014_annotations.json"] = {
            "info": {"year": 2017},
            "annotations": annotations[part],
        }
    return files


def write(folder, files, pictures=True, shape=SHAPE):
    """Writes the files, and a picture's regions: ``shape`` of features, which are its number."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (folder / path).write_text(text, encoding="utf-8")
    if pictures:
        (folder / "COCO/features").mkdir(parents=True, exist_ok=True)
        for part, numbers in (("train", TRAIN), ("val", VAL)):
            with h5py.File(folder / f"COCO/features/{part}2014_obj36.h5", "w") as file:
                for n in numbers:
                    group = file.create_group(picture(n, part))
                    group["features"] = np.full(shape, n, np.float32)
                    group["boxes"] = np.tile(np.float32([0, 10, 40, 20]), (shape[0], 1))
                    group["img_w"], group["img_h"] = 40, 20
    return folder


def jpegs(folder):
    for part, numbers in (("train", TRAIN), ("val", VAL)):
        place = folder / f"COCO/images/{part}2014"
        place.mkdir(parents=True, exist_ok=True)
        for n in numbers:
            Image.new("RGB", (30, 20), (n, 0, 0)).save(place / f"{picture(n, part)}.jpg", quality=100)
    return folder
