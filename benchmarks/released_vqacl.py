"""VQACL's steps, by its released code (github.com/zhangxi1997/VQACL) and by ours. For `released_steps.py`.

T5-base from random weights, by the released initialisation, without dropout; 36 regions of 2048 numbers, two
questions a step. Two steps on the first kind of question; then, on the second, a step, one on a memory of
the first, and a step. Prototypes are compared by their norms.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from released_code import With, released_code
from released_ledger import Ledger, Steps, own_weights, walk
from torch import Tensor, nn

from methods.method import Batch, QuestionSpec, Task
from methods.vqa.vqacl.method import VQACL, VQACLConfig
from orchestrator.config import RunConfig

_KINDS, _OBJECTS, _GROUPS, _REGIONS, _FEATURES = 10, 80, 5, 36, 2048
_ROWS = 32200  # of the word table: T5's 32,100 words, and 100 for regions, of which 36 are used
_PAD, _END = 0, 1
_QUESTIONS, _ANSWERS = 2, 12  # a step, in all
# A phase of 560 questions with batches of 80 and 3 epochs has 21 steps, two of which warm up.
_PHASE, _PHASE_STEPS = 560, 21
_TABLE = (
    ("shared.", "words."),
    ("encoder.final_layer_norm.", "norm."),
    ("encoder.block.", "blocks."),
    ("encoder.visual_embedding.feat_embedding.0.", "visual.feature."),
    ("encoder.visual_embedding.feat_embedding.1.", "visual.feature_norm."),
    ("encoder.visual_embedding.absolute_vis_pos_embedding.0.", "visual.place."),
    ("encoder.visual_embedding.absolute_vis_pos_embedding.1.", "visual.place_norm."),
    ("encoder.visual_embedding.img_order_embedding.weight", "visual.picture"),
    ("decoder.", "decoder."),
)


def given(layers: int | None, pixels: int) -> dict[str, object]:
    """What is set beside the recipe: no dropout, and fewer layers for a try."""
    values: dict[str, object] = {"method.backbone.dropout": 0.0}
    return values | ({"method.backbone.layers": layers} if layers else {})


def notes(config: RunConfig) -> Mapping[str, str]:
    """What the two sides were given that is not the recipe's."""
    layers = config.method.backbone.resolved().layers
    return {
        "weights": f"random, {layers} layers each",
        "batches": f"{_QUESTIONS} questions; rates are those of a phase of {_PHASE_STEPS} steps of 80",
        "words": f"a table of {_ROWS} rows, as in the released code; ours has 64 fewer for t5-base",
        "dropout": "0",
    }


def released(code: Path, config: RunConfig, ledger: Ledger, older: Path | None) -> None:
    """Steps of the released ``Trainer``.

    Args:
        code: The folder with the released code.
        config: Our recipe's configuration.
        ledger: Takes the steps.
        older: A folder with an older transformers; None: the installed one.
    """
    absent: dict[str, Mapping[str, Any]] = {"wandb": {}, "Question_type": {}, "vqa_data_memory": {}}
    names = ("All_task", "Comp_task", "show_results_matrix", "evaluate_metric", "Category_splits")
    absent["Question_type"] = dict.fromkeys((*names, "ImgId_cate_map", "random_dic"))
    folders = [code / "VL-T5" / "src"]
    with released_code(folders, absent, older), contextlib.redirect_stdout(io.StringIO()):
        import modeling_t5_our
        import vqacl
        from transformers import T5Config
        from vqa_model import VLT5VQA

        modeling_t5_our.T5Block = _block(modeling_t5_our.T5Block)
        modeling_t5_our.torch = With(torch, device=lambda name: torch.device("cpu"))
        model = VLT5VQA(T5Config(**_sizes(config.method)))
        trainer = vqacl.Trainer.__new__(vqacl.Trainer)
        trainer.args, trainer.verbose = _arguments(config.method), False
        trainer.model = model
        for module in model.modules():
            module._is_hf_initialized = False  # an older transformers than FOLDER's initialises again
        trainer.init_weights()
        model.tie_weights()
        trainer.model = _Parallel(model)
        trainer.task_total_num = torch.zeros(_KINDS)
        for index, batches in enumerate(_batches()):
            number = _PHASE if not index else _PHASE // 2  # the code doubles it where there is a memory
            trainer.optim, trainer.lr_scheduler = trainer.create_optimizer_and_scheduler(number * (1 + index))
            prefix = f"task {index + 1} step"
            ledger.record(f"{prefix} 0", {}, _released_weights(model))
            for step, batch in enumerate(batches, 1):
                found: dict[str, float] = {"loss": 0.0}
                trainer.train_step(_as_released(batch), found, index, 0)
                terms = {"answer": found["loss"], **_norms(model.Q_prototype, model.V_prototype)}
                ledger.record(f"{prefix} {step}", terms, _released_weights(model))


def ours(config: RunConfig, ledger: Ledger) -> None:
    """The same by ``methods.vqa.vqacl``."""
    method = VQACL(config.method, _spec())
    with torch.no_grad():
        wanted = ledger.weights("task 1 step 0")
        for name, value in method.model.named_parameters():
            value.copy_(wanted[name])
    weights = partial(own_weights, method.model)
    kept = method.prototypes
    for index, batches in enumerate(_batches()):
        task = Task(index, "t", "vqa", _KINDS, groups=tuple(range(_GROUPS)))
        method.start_task(task)
        prefix = f"task {index + 1} step"
        ledger.compare(f"{prefix} 0", {}, weights())
        phase = method.phases(task)[0]
        steps = Steps(ledger, prefix, weights, lambda: _norms(kept.question, kept.picture))
        with contextlib.suppress(StopIteration):  # the phase has more steps than are walked
            walk(method, phase, batches, steps, _PHASE_STEPS)


def _sizes(c: VQACLConfig) -> dict[str, Any]:
    b = c.backbone.resolved()
    parts = b.visual_norm == "parts"
    return {
        "vocab_size": _ROWS,
        "d_model": b.width,
        "d_kv": b.width // b.heads,
        "d_ff": b.ff,
        "num_layers": b.layers,
        "num_heads": b.heads,
        "dropout_rate": b.dropout,
        "pad_token_id": _PAD,
        "eos_token_id": _END,
        "decoder_start_token_id": _PAD,
        "feat_dim": _FEATURES,
        "pos_dim": 4,
        "n_images": 2,
        "use_vis_order_embedding": b.visual_order,
        "use_vis_layer_norm": True,
        "individual_vis_layer_norm": parts,
        "classifier": False,
    }


def _arguments(c: VQACLConfig) -> Any:
    return SimpleNamespace(
        optim="adamw",
        lr=c.learning_rate,
        adam_eps=1e-6,
        weight_decay=c.weight_decay,
        warmup_ratio=c.warmup,
        batch_size=c.batch_size,
        epochs=c.epochs,
        clip_grad_norm=c.clip,
        proto_alpha=c.alpha,
        proto_beta=c.beta,
        gradient_accumulation_steps=1,
        freeze=False,
        fp16=False,
        distributed=True,
        lambda_Q=0.01,
        lambda_V=0.1,
        lambda_Q_new=0,
        lambda_V_new=0,
    )


def _released_weights(model: nn.Module) -> dict[str, Tensor]:
    found = {}
    for name, value in model.named_parameters():
        for old, new in _TABLE:
            if name.startswith(old):
                found[new + name.removeprefix(old)] = value[0] if new == "visual.picture" else value
                break
        else:
            if not name.startswith(("prototype_fc", "lm_head")):  # unused, and the words' again
                raise ValueError(f"{name}: a weight that ours does not have")
    return found


def _norms(question: Tensor, picture: Tensor) -> dict[str, float]:
    return {"question prototypes": question.norm().item(), "picture prototypes": picture.norm().item()}


def _spec() -> QuestionSpec:
    return QuestionSpec(
        image_size=0,
        max_tokens=20,
        vocab_size=_ROWS - _REGIONS,
        pad_id=_PAD,
        cls_id=2,
        sep_id=_END,
        mask_id=3,
        answers=tuple(map(str, range(_ANSWERS))),
        answer_tokens=_answer_tokens(),
        kinds=tuple(map(str, range(_KINDS))),
        objects=tuple(map(str, range(_OBJECTS))),
        groups=tuple(map(str, range(_GROUPS))),
        group_of=tuple(k % _GROUPS for k in range(_OBJECTS)),
        regions=(_REGIONS, _FEATURES),
        detokenize=str,
    )


def _answer_tokens() -> Tensor:
    """Answers of one to three words, and their end."""
    draw = torch.Generator().manual_seed(1)
    rows = torch.randint(4, 32000, (_ANSWERS, 4), generator=draw)
    length = torch.arange(_ANSWERS)[:, None] % 3 + 1
    place = torch.arange(4)
    return rows.masked_fill(place == length, _END).masked_fill(place > length, _PAD)


def _batches() -> list[list[Batch]]:
    """The batches of each task: two of the first kind of question; then one of the second, one of the first,
    and one of the second.
    """
    draw = torch.Generator().manual_seed(0)
    tasks = []
    for kinds in ((0, 0), (1, 0, 1)):
        batches = []
        for kind in kinds:
            tokens = torch.randint(4, 32000, (_QUESTIONS, 20), generator=draw)
            for row, length in enumerate((12, 9)):
                tokens[row, length - 1], tokens[row, length:] = _END, _PAD
            corner = torch.rand(_QUESTIONS, _REGIONS, 2, generator=draw) / 2
            side = torch.rand(_QUESTIONS, _REGIONS, 2, generator=draw) / 2
            batches.append(
                Batch(
                    image=None,
                    tokens=tokens,
                    label=torch.randint(16, (_QUESTIONS,), generator=draw),
                    row=torch.arange(_QUESTIONS),
                    kind=torch.full((_QUESTIONS,), kind),
                    answer=torch.randint(_ANSWERS, (_QUESTIONS, 1), generator=draw),
                    score=torch.tensor([[1.0], [0.6]]),
                    regions=torch.rand(_QUESTIONS, _REGIONS, _FEATURES, generator=draw),
                    boxes=torch.cat([corner, corner + side], dim=-1),
                )
            )
        tasks.append(batches)
    return tasks


def _as_released(batch: Batch) -> dict[str, Tensor]:
    longest = int((batch.tokens != _PAD).sum(1).max())
    target = _answer_tokens()[batch.answer[:, 0]]
    return {
        "input_ids": batch.tokens[:, :longest],
        "vis_feats": batch.regions,
        "boxes": batch.boxes,
        "target_ids": target.masked_fill(target == _PAD, -100),
        "scores": batch.score[:, 0],
        "cate_labels": nn.functional.one_hot(batch.label, _OBJECTS).float(),
        "ques_labels": nn.functional.one_hot(batch.kind, _KINDS).float(),
    }


class _Parallel(nn.Module):
    """Stands for DistributedDataParallel, through which the released code reaches its model."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


def _block(made: type[nn.Module]) -> Callable[..., nn.Module]:
    """T5's block as it was when that code was written: it returns an entry for past keys where none are asked
    for, and takes ``head_mask``, which is None here.
    """

    class Block(made):  # type: ignore[misc, valid-type]  # a class that comes with the released code
        def forward(self, *args: Any, head_mask: None, **kwargs: Any) -> tuple[Any, ...]:
            out = super().forward(*args, **kwargs)
            return (*out[:1], None, *out[1:])

    return Block
