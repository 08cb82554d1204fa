"""Models of the papers' architectures at random values, under their published names.

Each function takes a folder, whose ``hub`` becomes a cache of the Hub.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

_COMMIT = "0" * 40


def clip(folder: Path) -> None:
    """OpenAI's ViT-B/16, as open_clip looks it up."""
    import open_clip

    model = open_clip.create_model("ViT-B-16-quickgelu", pretrained=None)
    _save(
        model.state_dict(),
        _snapshot(folder, "timm/vit_base_patch16_clip_224.openai") / "open_clip_model.safetensors",
    )


def ctp(folder: Path) -> None:
    """DeiT-B/16, as timm looks it up, and BERT-base-chinese."""
    import timm

    model = timm.create_model("deit_base_patch16_224", pretrained=False)
    _save(model.state_dict(), _snapshot(folder, "timm/deit_base_patch16_224.fb_in1k") / "model.safetensors")
    _bert(folder, "bert-base-chinese", weights=True)


def _bert(root: Path, name: str, *, weights: bool) -> None:
    """``bert-base-chinese`` (21,128 words) or ``bert-base-uncased`` (30,522), with its tokenizer."""
    from transformers import BertConfig, BertForMaskedLM

    folder = _snapshot(root, name)
    size = {"bert-base-chinese": 21128, "bert-base-uncased": 30522}[name]
    config = BertConfig(vocab_size=size)
    config.save_pretrained(folder)
    special = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
    words = [special.get(k, f"[unused{k}]") for k in range(104)]
    words += [chr(letter) for letter in range(ord("a"), ord("z") + 1)]
    words += [f"##{chr(letter)}" for letter in range(ord("a"), ord("z") + 1)]
    words += [chr(0x4E00 + k) for k in range(size - len(words))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    kind = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind))
    if weights:
        _save(BertForMaskedLM(config).state_dict(), folder / "model.safetensors")


def t5_tokenizer(root: Path) -> None:
    """``t5-base``: 32,000 pieces and 100 extra ids."""
    from transformers import T5Config, T5Tokenizer

    folder = _snapshot(root, "t5-base")
    pieces = ["<pad>", "</s>", "<unk>", "\u2581", *map(chr, range(ord("a"), ord("z") + 1))]
    pieces += [f"\u2581{chr(0x4E00 + k)}" for k in range(32000 - len(pieces))]
    ranked = [(piece, -float(place)) for place, piece in enumerate(pieces)]
    T5Tokenizer(ranked, extra_ids=100).save_pretrained(folder)
    T5Config().save_pretrained(folder)  # says whose tokenizer it is


def triplet(folder: Path) -> None:
    """ALBEF's pretrained checkpoint, ``ALBEF.pth``, and BERT-base-uncased's tokenizer.

    Pictures have 256 pixels, and BERT-base's last six layers attend to them. Momentum copies and queues,
    which are passed over, are left out.
    """
    import timm
    from transformers import BertConfig, BertForMaskedLM

    vision = timm.create_model("vit_base_patch16_224", pretrained=False, num_classes=0, img_size=256)
    text = BertForMaskedLM(BertConfig(vocab_size=30522, is_decoder=True, add_cross_attention=True))
    state = {f"visual_encoder.{name}": value for name, value in vision.state_dict().items()}
    for name, value in text.state_dict().items():
        layer = re.search(r"layer\.(\d+)\.crossattention", name)
        if not layer or int(layer[1]) >= 6:
            state[f"text_encoder.{name}"] = value
    for name, width in (("vision_proj", 256), ("text_proj", 256), ("itm_head", 2)):
        for part, value in nn.Linear(768, width).state_dict().items():
            state[f"{name}.{part}"] = value
    state["temp"] = torch.tensor(0.07)
    torch.save(
        {"model": {name: value.half() for name, value in state.items()}, "epoch": 29}, folder / "ALBEF.pth"
    )
    _bert(folder, "bert-base-uncased", weights=False)


def _snapshot(folder: Path, name: str) -> Path:
    """The folder in the Hub's cache that has a repository's files."""
    root = folder / "hub" / f"models--{name.replace('/', '--')}"
    (root / "refs").mkdir(parents=True, exist_ok=True)
    (root / "refs" / "main").write_text(_COMMIT)
    snapshot = root / "snapshots" / _COMMIT
    snapshot.mkdir(parents=True, exist_ok=True)
    return snapshot


def _save(state: dict[str, torch.Tensor], path: Path) -> None:
    """In half precision, which is read as float32. What a model holds twice is held once, as published."""
    kept: dict[int, str] = {}
    for name, value in state.items():
        kept.setdefault(value.data_ptr() or hash(name), name)
    save_file({name: state[name].half().contiguous() for name in kept.values()}, path)
