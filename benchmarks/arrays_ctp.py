"""CTP's golden arrays by its released code (github.com/KevinLight831/CTP). For `released_arrays.py`.

The functions of the model are called without a model: what they take from it is given to them.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from types import MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import torch
from released_code import With, released_code
from torch import Tensor, nn

if TYPE_CHECKING:
    from released_arrays import Arrays


def compute(code: Path, arrays: Arrays) -> None:
    """Momentum, losses, queues, masks, the schedule, and the metrics of retrieval."""
    absent: dict[str, dict[str, Any]] = {
        name: {} for name in ("models.xbert", "models.model_utils", "transformers", "data")
    }
    absent["transformers"] = {"logging": SimpleNamespace(set_verbosity_error=lambda: None)}
    with released_code([code], absent), contextlib.redirect_stdout(io.StringIO()):
        import product_evaluation
        import utils
        from models import clip_pretrain

        clip_pretrain.dist = With(torch.distributed, get_rank=lambda: 0)
        clip_pretrain.concat_all_gather = lambda tensor: tensor
        with patch.object(torch.distributed, "get_world_size", lambda: 1):
            for case in arrays.cases("momentum"):
                _momentum(clip_pretrain.CLIP_Pretrain, arrays, case)
            for case in arrays.cases("ita"):
                loss = _alignment(clip_pretrain.CLIP_Pretrain, arrays, case, *_leaves(arrays, case))
                arrays.found(f"{case}.out_loss", loss)
            for case in arrays.cases("ita"):
                _graded(arrays, case, partial_loss=_alignment, made=clip_pretrain.CLIP_Pretrain)
            for case in arrays.cases("contrast"):
                for step in sorted({key.split(".")[0] for key in arrays.below(case)}):
                    _contrast(clip_pretrain.CLIP_Pretrain, arrays, f"{case}.{step}")
            for case in arrays.cases("topology"):
                _topology(clip_pretrain, arrays, case)
        for case in arrays.cases("mlm_distill"):
            logits = arrays[f"{case}.logits"].requires_grad_()
            own = SimpleNamespace(distill_temp=arrays.number(f"{case}.temperature"))
            teacher, labels = arrays[f"{case}.teacher_logits"], arrays[f"{case}.labels"]
            loss = clip_pretrain.CLIP_Pretrain.distill_mlm(own, logits, teacher, labels)
            arrays.found(f"{case}.out_loss", loss)
            arrays.found(f"{case}.grad_logits", torch.autograd.grad(loss, logits)[0])
        for case in arrays.cases("mask"):
            if "facts" not in case:
                _masks(clip_pretrain, arrays, case)
        for case in arrays.cases("schedule"):
            rates = [arrays.number(f"{case}.{name}") for name in ("init_lr", "min_lr")]
            counts = [int(arrays.number(f"{case}.{name}")) for name in ("epochs", "iters_per_epoch")]
            arrays.found(f"{case}.out_lr", utils.cosine_scheduler(*rates, *counts))
        _metrics(product_evaluation, arrays)


def _leaves(arrays: Arrays, case: str) -> tuple[Tensor, Tensor]:
    return tuple(arrays[f"{case}.{side}_feat"].requires_grad_() for side in ("image", "text"))


def _own(arrays: Arrays, case: str, image: Tensor, text: Tensor) -> SimpleNamespace:
    """A model that gives these features, and whose masked words cost nothing."""
    none = torch.zeros(())
    return SimpleNamespace(
        temp=arrays.number(f"{case}.temperature"),
        get_feature=lambda *_: (
            image,
            text,
            None,
            None,
            SimpleNamespace(input_ids=0, attention_mask=0),
            None,
        ),
        get_mlm_loss=lambda *_: (SimpleNamespace(loss=none.clone(), logits=0), None, None),
        text_mlm_encoder=lambda **_: SimpleNamespace(logits=0),
        distill_mlm=lambda *_: none,
        _momentum_update=lambda *_, **__: None,
        _momentum_update_three=lambda *_, **__: None,
        **dict.fromkeys(("visual_encoder", "vision_proj", "text_proj")),
    )


def _alignment(made: Any, arrays: Arrays, case: str, image: Tensor, text: Tensor) -> Tensor:
    loss: Tensor = made.finetune_forward(_own(arrays, case, image, text), image, None)[0]
    return loss


def _graded(arrays: Arrays, case: str, *, partial_loss: Any, made: Any) -> None:
    image, text = _leaves(arrays, case)
    loss = partial_loss(made, arrays, case, image, text)
    _found_grads(arrays, case, torch.autograd.grad(loss, (image, text)))


def _found_grads(arrays: Arrays, case: str, grads: tuple[Tensor, ...]) -> None:
    for side, grad in zip(("image", "text"), grads, strict=True):
        arrays.found(f"{case}.grad_{side}_feat", grad)


def _momentum(made: Any, arrays: Arrays, case: str) -> None:
    names = ("0.weight", "0.bias", "1.weight", "1.bias")

    def parameters(which: str) -> Any:
        values = [nn.Parameter(arrays[f"{case}.{which}.{name}"]) for name in names]
        return SimpleNamespace(parameters=lambda: values)

    steps = [key for key in arrays.below(case) if key.startswith("out_") and key.endswith(names[0])]
    kept = parameters("momentum0")
    for step in range(len(steps)):
        m, now = arrays.number(f"{case}.m"), parameters(f"current{step}")
        if f"reference.{names[0]}" in arrays.below(case):
            made._momentum_update_three(None, [[now, parameters("reference"), kept]], m)
        else:
            made._momentum_update(None, [[now, kept]], m)
        for name, value in zip(names, kept.parameters(), strict=True):
            arrays.found(f"{case}.out_momentum{step + 1}.{name}", value)


def _contrast(made: Any, arrays: Arrays, case: str) -> None:
    """What the first task's step has beyond the alignment, and the queues after it."""
    image, text = _leaves(arrays, case)
    own = _own(arrays, case, image, text)
    own.image_queue, own.text_queue = (arrays[f"{case}.{s}_queue_before"] for s in ("image", "text"))
    own.queue_ptr, own.queue_size = arrays[f"{case}.pointer_before"], own.image_queue.shape[1]
    own._dequeue_and_enqueue = MethodType(made._dequeue_and_enqueue, own)
    kept = (arrays[f"{case}.momentum_{side}_feat"] for side in ("image", "text"))
    whole = made.CTP_init(own, image, None, _own(arrays, case, *kept))[0]
    loss = whole - _alignment(made, arrays, case, image, text)
    arrays.found(f"{case}.out_loss", loss)
    _found_grads(arrays, case, torch.autograd.grad(loss, (image, text)))
    arrays.found(f"{case}.image_queue_after", own.image_queue)
    arrays.found(f"{case}.text_queue_after", own.text_queue)
    arrays.found(f"{case}.pointer_after", own.queue_ptr)


def _topology(module: Any, arrays: Arrays, case: str) -> None:
    """The four divergences of a later task's step, as they are heard in it."""
    image, text = _leaves(arrays, case)
    own, heard = _own(arrays, case, image, text), []

    def divergence(**how: str) -> Any:
        def of(*given: Tensor) -> Tensor:
            heard.append(nn.KLDivLoss(**how)(*given))
            return heard[-1]

        return of

    own.image_queue = own.text_queue = torch.zeros(image.shape[1], 0)
    own._dequeue_and_enqueue = lambda *_: None
    reference = [arrays[f"{case}.ref_{side}_feat"] for side in ("image", "text")]
    with patch.object(module, "nn", With(nn, KLDivLoss=divergence)):
        teachers = [_own(arrays, case, *reference) for _ in range(2)]
        module.CLIP_Pretrain.CTP(own, image, None, *teachers)
    for name, value in zip(("i2t", "t2i", "i2i", "t2t"), heard, strict=True):
        arrays.found(f"{case}.out_kl_{name}", value)
    cross, same = (heard[0] + heard[1]) / 2, (heard[2] + heard[3]) / 2
    arrays.found(f"{case}.out_cross", cross)
    arrays.found(f"{case}.out_same", same)
    _found_grads(arrays, case, torch.autograd.grad(cross + same, (image, text)))


def _masks(module: Any, arrays: Arrays, case: str) -> None:
    draws = iter([arrays[f"{case}.draw_{name}"].double() for name in ("select", "replace80", "random50")])
    given = {"bernoulli": lambda p: next(draws), "randint": lambda *_, **__: arrays[f"{case}.draw_words"]}
    special = {f"{name}_token_id": int(arrays.number(f"{case}.{name}_id")) for name in ("pad", "cls", "mask")}
    own, ids = SimpleNamespace(tokenizer=SimpleNamespace(**special)), arrays[f"{case}.ids"]
    with patch.object(module, "torch", With(torch, **given)):
        vocabulary = int(arrays.number(f"{case}.vocab"))
        how = {"targets": ids.clone(), "probability_matrix": None}
        masked, labels = module.CLIP_Pretrain.mask(own, ids.clone(), vocabulary, "cpu", **how)
    arrays.found(f"{case}.out_ids", masked)
    arrays.found(f"{case}.out_labels", labels)


def _metrics(module: Any, arrays: Arrays) -> None:
    for case in arrays.cases("itm"):
        scores = [arrays[f"{case}.scores_{way}"].numpy() for way in ("i2t", "t2i")]
        each = int(arrays.number(f"{case}.texts_per_image"))
        image_of = [text // each for text in range(len(scores[1]))]
        texts_of = [list(range(each * i, each * (i + 1))) for i in range(len(scores[0]))]
        for name, value in module.itm_eval(*scores, image_of, texts_of).items():
            if f"out_{name}" in arrays.below(case):
                arrays.found(f"{case}.out_{name}", value)
    for case in arrays.cases("ap"):
        relevant = arrays[f"{case}.relevant_in_rank_order"].numpy().astype(bool)
        hits, k = set(np.flatnonzero(relevant)), int(arrays.number(f"{case}.k"))
        arrays.found(f"{case}.out_ap", module.compute_ap(list(range(len(relevant))), hits, k))
    own, labels = arrays["gallery.self_index"].numpy(), arrays["gallery.gallery_label"].numpy()
    queries = [int(i) if i >= 0 else f"query {n}" for n, i in enumerate(own)]
    wanted = arrays["gallery.query_label"].numpy()
    of_query = {query: {"label": int(label)} for query, label in zip(queries, wanted, strict=True)}
    of_label = {int(label): set(np.flatnonzero(labels == label)) for label in set(labels) | set(wanted)}
    scores = arrays["gallery.scores"].numpy()
    found = module.eval_gallery(scores, queries, np.arange(len(labels)), of_query, None, of_label)
    for k in (1, 5, 10):
        arrays.found(f"gallery.out_map{k}", found[f"top{k}"]["mAP"])
