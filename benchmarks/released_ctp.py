"""CTP's steps, by its released code (github.com/KevinLight831/CTP) and by ours. For `released_steps.py`.

The model is a DeiT-B/16 and a BERT of 12 layers, split 6/6, over 21,128 words and captions of 30 tokens. Both
have random weights and no dropout. The queue holds 1024. There are four pairs a step and two steps a task.
"""

from __future__ import annotations

import contextlib
import copy
import io
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
from released_code import Loader, With, released_code
from released_ledger import Ledger, Steps, own_weights, walk
from torch import Tensor, nn

from methods.method import Batch, CaptionSpec, Task
from methods.retrieval.ctp import CTP
from orchestrator.config import RunConfig

_BATCH, _STEPS, _TASKS, _WORDS, _TOKENS = 4, 2, 2, 21128, 30
_PAD, _CLS, _SEP, _MASK = 0, 101, 102, 103
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_LAYER = re.compile(r"bert\.encoder\.layer\.(\d+)\.")


def given(layers: int | None, pixels: int) -> dict[str, object]:
    """What is set beside the recipe: random weights, no dropout, batches of four, fewer layers for a try."""
    values: dict[str, object] = {"method.backbone.image_weights": "random", "method.batch_size": _BATCH}
    values |= {"run.workers": 1, "stream.image_size": pixels}
    values |= {"method.backbone.text_weights": "random", "method.backbone.dropout": 0.0}
    if layers:
        values |= {"method.backbone.image_depth": layers, "method.backbone.text_layers": layers}
        values["method.backbone.fusion_layer"] = layers // 2
    return values


def notes(config: RunConfig) -> Mapping[str, str]:
    """What the two sides were given that is not the recipe's."""
    b = config.method.backbone.resolved()
    return {
        "weights": f"random, {b.image_depth} layers of the pictures' tower, {b.text_layers} of the texts'",
        "pictures": f"{_side(config)} pixels",
        "batches": f"{_BATCH} pairs; rates are those of a task of {_STEPS} steps",
        "dropout": "0",
    }


def released(code: Path, config: RunConfig, ledger: Ledger, older: Path | None) -> None:
    """The released ``init_train`` and ``update_train``, two steps each.

    Args:
        code: The folder with the released code.
        config: Our recipe's configuration.
        ledger: Takes the steps.
        older: A folder with an older transformers; None: the installed one.
    """
    absent: dict[str, Mapping[str, Any]] = {
        name: {}
        for name in (
            *("fairscale", "fairscale.nn", "fairscale.nn.checkpoint", "ruamel", "ruamel.yaml"),
            *("fairscale.nn.checkpoint.checkpoint_activations", "tensorboard_logger", "data"),
            "product_evaluation",
        )
    }
    with released_code([code, code / "train"], absent, older), _own_stdout(), _one_rank():
        import train_CTP
        import utils
        from models import clip_pretrain

        model = _made(clip_pretrain, code, config)
        heard = _Heard(ledger, clip_pretrain, model)
        c = config.method
        with patch.object(utils, "is_dist_avail_and_initialized", lambda: False):
            for index, batches in enumerate(_batches(_side(config))):
                teacher = copy.deepcopy(model)
                previous = copy.deepcopy(model) if index else None
                trained = [p for p in model.parameters() if p.requires_grad]
                optimizer = torch.optim.AdamW(trained, lr=c.learning_rate, weight_decay=c.weight_decay)
                rates = utils.cosine_scheduler(c.learning_rate, c.min_learning_rate, 1, _STEPS)
                heard.begin(index, optimizer, batches)
                loader = Loader([(0, _normalised(b.image), b.tokens) for b in batches], _STEPS * _BATCH)
                rest = loader, optimizer, 0, torch.device("cpu"), {"window_size": 50}, index, rates
                if previous is None:
                    train_CTP.init_train(model, *rest, teacher)
                else:
                    train_CTP.update_train(model, previous, *rest, None, teacher)


def ours(config: RunConfig, ledger: Ledger) -> None:
    """The same by ``methods.retrieval.ctp``."""
    sizes = {"image_size": _side(config), "max_tokens": _TOKENS, "vocab_size": _WORDS}
    special = {"pad_id": _PAD, "cls_id": _CLS, "sep_id": _SEP, "mask_id": _MASK}
    method = CTP(config.method, CaptionSpec(**sizes, **special, detokenize=str))
    with torch.no_grad():
        wanted = ledger.weights("task 1 step 0")
        for name, value in own_weights(method.model).items():
            value.copy_(wanted[name])
        queues = ledger.weights("queues")
        method.queue.image.copy_(queues["image"])
        method.queue.text.copy_(queues["text"])
    for index, batches in enumerate(_batches(_side(config))):
        task = Task(index, "t", "retrieval", _TASKS)
        method.start_task(task)
        prefix = f"task {index + 1} step"
        ledger.compare(f"{prefix} 0", {}, own_weights(method.model))
        (phase,) = method.phases(task)
        walk(method, phase, batches, Steps(ledger, prefix, partial(own_weights, method.model)), _STEPS)
        method.finish_task(task, lambda: ())


class _Heard:
    """Hears the released code's terms and steps, and gives it the masks that ours draws."""

    def __init__(self, ledger: Ledger, module: Any, model: Any) -> None:
        self._ledger, self._model = ledger, model
        self._found: dict[str, list[float]] = {}
        self._uniform: Iterator[Tensor] = iter(())
        self._layers = len(model.text_encoder.encoder.layer)
        loss = {"KLDivLoss": partial(_heard_loss, self._found, "kl", nn.KLDivLoss)}
        loss["CrossEntropyLoss"] = partial(_heard_loss, self._found, "entropy", nn.CrossEntropyLoss)
        module.nn = With(nn, **loss)
        draw = {"bernoulli": lambda p: (next(self._uniform) < p).double()}
        draw["randint"] = lambda stop, *_, **__: (next(self._uniform) * stop).long()
        module.torch = With(torch, **draw)
        forward, distill = model.forward, model.distill_mlm

        def heard_forward(*args: Any, **kwargs: Any) -> Any:
            self._found.clear()
            batch = next(self._batches)
            shape = (_BATCH, _TOKENS, 4)
            uniform = batch.draw(lambda g, _: torch.rand(*shape, generator=g, dtype=torch.float64))
            self._uniform = iter(uniform.unbind(-1))
            found = forward(*args, **kwargs)
            self._sums = [value.item() for value in found]
            return found

        def heard_distill(*args: Any) -> Tensor:
            value = distill(*args)
            self._found["distill"] = [value.item()]
            return value

        model.forward, model.distill_mlm = heard_forward, heard_distill

    def begin(self, index: int, optimizer: torch.optim.Optimizer, batches: list[Batch]) -> None:
        self._batches, self._step, self._task = iter(batches), 0, index
        self._ledger.record(f"task {index + 1} step 0", {}, self._weights())
        if not index:
            queues = {"image": self._model.image_queue.T, "text": self._model.text_queue.T}
            self._ledger.record("queues", {}, queues)
        optimizer.register_step_post_hook(self._after)

    def _after(self, *_: Any) -> None:
        self._step += 1
        self._ledger.record(f"task {self._task + 1} step {self._step}", self._terms(), self._weights())

    def _terms(self) -> dict[str, float]:
        """Our terms, out of the sums that the released code returns."""
        ita, (distill,) = sum(self._found["entropy"]) / 2, self._found["distill"]
        if not self._task:
            both, words = self._sums
            return {"ita": ita, "mlm": words - distill, "contrast": both - ita, "mlm_distill": distill}
        _, mlm, kept, distill = self._sums
        cross, same = (sum(self._found["kl"][at : at + 2]) / 2 for at in (0, 2))
        found = {"ita": ita, "mlm": mlm, "contrast": kept - cross - same, "mlm_distill": distill}
        return {**found, "topology_cross": cross, "topology_same": same}

    def _weights(self) -> dict[str, Tensor]:
        found = {}
        for name, value in self._model.named_parameters():
            renamed = _renamed(name, self._layers // 2)
            if renamed is not None:
                found[renamed] = value[:_TOKENS] if "position_embeddings" in name else value
        return found


def _made(module: Any, code: Path, config: RunConfig) -> Any:
    """The released model, with random weights where it would read published ones."""
    b = config.method.backbone.resolved()
    bert, made = module.BertForMaskedLM, module.create_vit

    def from_pretrained(path: str, config: Any) -> Any:
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = b.dropout
        config.num_hidden_layers, config.fusion_layer = b.text_layers, b.fusion_layer
        return bert(config).eval()  # from_pretrained leaves a model in eval mode

    def create_vit(*args: Any) -> Any:
        tower, width = made(*args)
        tower.blocks = tower.blocks[: b.image_depth]
        return tower, width

    tokenizer = SimpleNamespace(from_pretrained=lambda path: _Tokenizer())
    stand_ins = {
        "BertForMaskedLM": SimpleNamespace(from_pretrained=from_pretrained),
        "BertTokenizer": tokenizer,
        "create_vit": create_vit,
    }
    nothing = patch.object(torch.hub, "load_state_dict_from_url", lambda **_: {"model": {}})
    with patch.multiple(module, **stand_ins), nothing:
        med = str(code / "configs" / "albef_bert_chinese_config.json")
        return module.clip_pretrain(config={"max_words": _TOKENS}, med_config=med, image_size=_side(config))


def _renamed(name: str, fusion: int) -> str | None:
    """Our name of a released weight; None where it is no weight of its own."""
    if name in ("temp", "distill_temp") or "predictions.decoder" in name:
        return None
    for old, new in (("visual_encoder.", "vision."), ("vision_proj.", "image_projection.")):
        if name.startswith(old):
            return new + name.removeprefix(old)
    if name.startswith("text_proj."):
        return "text_projection." + name.removeprefix("text_proj.")
    name = name.removeprefix("text_mlm_encoder.")
    if name == "cls.predictions.bias":
        return "bert.bias"
    if found := _LAYER.match(name):
        number = int(found[1])
        part = f"text_layers.{number}" if number < fusion else f"fusion_layers.{number - fusion}"
        return f"bert.{part}.{name[found.end() :]}"
    return name.replace("cls.predictions.transform.", "bert.head.")


def _side(config: RunConfig) -> int:
    return config.stream.image_size


def _batches(side: int) -> list[list[Batch]]:
    """Those of each task, with pictures of ``side`` pixels."""
    draw = torch.Generator().manual_seed(0)
    tasks = []
    for task in range(_TASKS):
        batches = []
        for step in range(_STEPS):
            image = torch.randint(256, (_BATCH, 3, side, side), generator=draw, dtype=torch.uint8)
            tokens = torch.randint(_MASK + 1, _WORDS, (_BATCH, _TOKENS), generator=draw)
            tokens[:, 0], tokens[0, 20:], tokens[0, 19], tokens[1:, -1] = _CLS, _PAD, _SEP, _SEP
            row = torch.arange(_BATCH)
            batches.append(Batch(image, tokens, row, row, seed=10 * task + step))
        tasks.append(batches)
    return tasks


def _normalised(image: Tensor) -> Tensor:
    """What the released transforms make of a picture's bytes."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _STD))
    return (image.float() / 255 - mean) / std


def _heard_loss(found: dict[str, list[float]], name: str, made: Any, *args: Any, **kwargs: Any) -> Any:
    loss = made(*args, **kwargs)

    def heard(*given: Tensor) -> Tensor:
        value = loss(*given)
        found.setdefault(name, []).append(value.item())
        return value

    return heard


class _Tokenizer:
    """Captions are token rows already."""

    pad_token_id, cls_token_id, mask_token_id = _PAD, _CLS, _MASK

    def __call__(self, caption: Tensor, **_: Any) -> Any:
        rows = SimpleNamespace(input_ids=caption, attention_mask=(caption != _PAD).long())
        rows.to = lambda device: rows
        return rows

    def __len__(self) -> int:
        return _WORDS


@contextlib.contextmanager
def _own_stdout() -> Iterator[None]:
    """Output of its own, which the released training script detaches."""
    before = sys.stdout
    sys.stdout = io.TextIOWrapper(io.BytesIO())
    try:
        yield
    finally:
        sys.stdout = before


@contextlib.contextmanager
def _one_rank() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        dist.init_process_group("gloo", f"file://{folder}/rank", rank=0, world_size=1)
        try:
            yield
        finally:
            dist.destroy_process_group()
