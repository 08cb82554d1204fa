"""VQACL's golden arrays by its released code (github.com/zhangxi1997/VQACL). For `released_arrays.py`.

The functions of the model are called without a model, in the order of its forward. They have 768 wide rows
written down: narrower ones are padded with zeros, and what they give is cropped.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from released_code import With, released_code
from torch import Tensor, nn

if TYPE_CHECKING:
    from released_arrays import Arrays

_WIDTH, _QUESTION_TOKENS = 768, 20
_MODULES = ("", ".models.t5.modeling_t5", ".modeling_outputs", ".modeling_utils", ".utils")


def compute(code: Path, arrays: Arrays) -> None:
    """Prototypes, sequences of training calls, retrieval, the accuracy of answers, and summaries."""
    bases = ("T5Stack", "T5ForConditionalGeneration", "ModelOutput")
    classes = {name: type(name, (nn.Module,), {}) for name in bases}
    absent: dict[str, dict[str, Any]] = {f"transformers{name}": dict(classes) for name in _MODULES}
    absent["transformers.utils"] = {"logging": SimpleNamespace(get_logger=lambda name: None)}
    absent |= {"tokenization": {}, "h5py": {}}
    folders = [code, code / "VL-T5" / "src"]
    with released_code(folders, absent), _quiet():
        with patch("builtins.open", _opened):
            import Question_type
        import modeling_t5_our
        import vqa_data

        cpu = torch.device("cpu")
        modeling_t5_our.torch = With(torch, device=lambda *_: cpu)
        made = modeling_t5_our.VLT5
        hidden, label = arrays["prototype.wide.hidden"], arrays["prototype.wide.labels"]
        rows = F.one_hot(label, int(arrays.number("prototype.wide.n_classes"))).to(hidden.dtype)
        prototype, count = made.calculate_current_prototype(None, hidden, rows)
        arrays.found("prototype.wide.out_prototype", prototype)
        arrays.found("prototype.wide.out_count", count)
        for case in arrays.cases("sequence"):
            _sequence(made, arrays, case)
        for case in arrays.cases("retrieval"):
            given = arrays[f"{case}.prototypes"], arrays[f"{case}.queries"]
            selected, index, _ = made.cosine_similarity_multi(None, *given)
            arrays.found(f"{case}.out_index", index)
            arrays.found(f"{case}.out_selected", selected)
        for case in arrays.cases("metric"):
            _summary(Question_type, arrays, case)
        _answers(vqa_data.VQAEvaluator, arrays)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _opened(name: Any, *how: Any, _open: Any = open, **given: Any) -> Any:
    """Opens a file; the released tables of pictures and questions, which nothing here reads, are empty."""
    return io.StringIO("{}") if str(name).endswith("_map.json") else _open(name, *how, **given)


def _sequence(made: Any, arrays: Arrays, case: str) -> None:
    own = SimpleNamespace(Q_task_cur_proto={}, Q_task_mem_proto={})
    alpha, beta = arrays.number(f"{case}.alpha"), arrays.number(f"{case}.beta")
    sizes = [int(arrays.number(f"{case}.n_{name}_types")) for name in ("question", "object")]
    for call in range(int(arrays.number(f"{case}.n_calls"))):
        key = f"{case}.call{call}"
        hidden = arrays[f"{key}.hidden"]
        width = hidden.shape[-1]
        parts = _parts(hidden)
        labels = [arrays[f"{key}.{name}_labels"] for name in ("question", "object")]
        rows = [F.one_hot(label, size).to(hidden.dtype) for label, size in zip(labels, sizes, strict=True)]
        (q, n_q), (v, n_v) = (
            made.calculate_current_prototype(None, part, row) for part, row in zip(parts, rows, strict=True)
        )
        made.update_prototype(own, q, v, n_q, n_v, int(arrays.number(f"{key}.task")), alpha, beta)
        arrays.found(f"{key}.batch_Q", q[:, :width])
        arrays.found(f"{key}.batch_V", v[:, :width])
        arrays.found(f"{key}.out_Q", own.Q_prototype[:, :width])
        arrays.found(f"{key}.out_V", own.V_prototype[:, :width])
        _retrieved(made, own, arrays, key, parts, width)
    hidden = arrays[f"{case}.test.hidden"]
    _retrieved(made, own, arrays, f"{case}.test", _parts(hidden), hidden.shape[-1])


def _parts(hidden: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of the question and of the picture, padded."""
    wide = F.pad(hidden, (0, _WIDTH - hidden.shape[-1]))
    return wide[:, :_QUESTION_TOKENS], wide[:, _QUESTION_TOKENS:]


def _retrieved(
    made: Any, own: SimpleNamespace, arrays: Arrays, key: str, parts: tuple[Tensor, Tensor], width: int
) -> None:
    chosen = []
    for name, part in zip("QV", parts, strict=True):
        row, index, _ = made.cosine_similarity_multi(None, getattr(own, f"{name}_prototype"), part.mean(1))
        arrays.found(f"{key}.out_index_{name}", index)
        chosen.append(row[:, :width])
    arrays.found(f"{key}.out_appended", torch.stack(chosen, 1))


def _summary(module: Any, arrays: Arrays, case: str) -> None:
    matrix, start = arrays[f"{case}.matrix"].tolist(), int(arrays.number(f"{case}.start"))
    names = json.loads(arrays.text(f"{case}.names_json"))
    results = {name: dict(zip(names, row, strict=True)) for name, row in zip(names, matrix, strict=True)}
    with patch.object(module, "_6Q_idx", arrays[f"{case}.six_index"].tolist()):
        for name, value in module.evaluate_metric(results, start).items():
            arrays.found(f"{case}.out_{name}", value)


def _answers(made: Any, arrays: Arrays) -> None:
    """The score of each case, which is JSON: how many scores and normalised answers are not as recorded."""
    cases = json.loads(arrays.text("vqa.cases_json"))
    other = 0
    for case in cases:
        answers = [{"answer": text, "answer_id": k} for k, text in enumerate(case["answers"], 1)]
        truth = {"question_type": "", "answer_type": "", "answers": answers}
        evaluator = made(SimpleNamespace(id2datum_gt={1: truth}, id2datum={1: {}}))
        score = evaluator.evaluate_raw({1: case["prediction"]})["overall"]
        normalised = evaluator.normalize_answer(case["prediction"])
        other += score != case["score_percent"] or normalised != case["normalised_vocabulary"]
    if other:
        raise ValueError(f"vqa.cases_json: {other} of {len(cases)} answers are scored otherwise")
    arrays.note(f"vqa: {len(cases)} answers are normalised and scored as recorded")
