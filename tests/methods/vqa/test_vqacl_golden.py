"""VQACL against what its published functions gave (tests/golden/vqacl.npz), number by number."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from methods.method import Batch, QuestionSpec, Task
from methods.vqa.t5.joint_t5 import EncoderStates
from methods.vqa.t5.visual_embedding import VisualEmbedding
from methods.vqa.vqacl.method import VQACL
from methods.vqa.vqacl.prototypes import batch_prototypes, nearest

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "vqacl.npz")


def case(prefix):
    """The arrays below ``prefix`` by their last names, as tensors."""
    return {k[len(prefix) + 1 :]: torch.tensor(GOLDEN[k]) for k in GOLDEN.files if k.startswith(prefix + ".")}


def close(found, wanted, tolerance=1e-9):
    error = (found.detach() - wanted).abs().max().item()
    assert error <= 1e-12 + tolerance * wanted.abs().max().item(), error


def test_batch_prototypes():
    c = case("prototype.wide")
    found, count = batch_prototypes(c["hidden"].mean(1), c["labels"], int(c["n_classes"]))
    close(found, c["out_prototype"], 1e-6)
    assert torch.equal(count.double(), c["out_count"])


def test_retrieval():
    c = case("retrieval.0")
    index = nearest(c["prototypes"], c["queries"])
    assert torch.equal(index, c["out_index"])
    assert torch.equal(c["prototypes"][index], c["out_selected"])
    assert not torch.equal(index, c["alt_index_without_tanh"])


@pytest.mark.parametrize("n", [0, 1])
def test_visual_embedding(n):
    c = case(f"visual.{n}")
    width, features = c["w.feat_embedding.0.weight"].shape
    parts, order = bool(c["norm_each_part"]), bool(c["use_order_embedding"])

    def embed(area):
        module = VisualEmbedding(features, width, norm="parts" if parts else "sum", order=order, area=area)
        theirs = {
            "feature.weight": "feat_embedding.0.weight",
            "feature.bias": "feat_embedding.0.bias",
            "feature_norm.weight": "feat_embedding.1.weight",
            "place.weight": "absolute_vis_pos_embedding.0.weight",
            "place.bias": "absolute_vis_pos_embedding.0.bias",
            "place_norm.weight": "absolute_vis_pos_embedding.1.weight",
            "norm.weight": "layer_norm.weight",
        }
        state = {name: c[f"w.{theirs[name]}"] for name in module.state_dict() if name in theirs}
        if order:
            state["picture"] = c["w.img_order_embedding.weight"][0]
        module.double().load_state_dict(state)
        words = c["w.obj_order_embedding.weight"] if order else torch.zeros(1, width).double()
        return module, module(c["features"], c["boxes_xyxy"], words)

    module, found = embed("reference")
    close(found, c["out"])
    close(module._area(c["boxes_xyxy"]).squeeze(-1), c["area_reference"])
    module, other = embed("box")
    close(module._area(c["boxes_xyxy"]).squeeze(-1), c["area_true_box"])
    assert not torch.allclose(other, found)


class RecordedEncoder(nn.Module):
    """Gives the recorded encoder outputs in the place of a T5's."""

    def __init__(self, width, regions):
        super().__init__()
        self.width, self.regions = width, regions

    def encode(self, batch):
        words = batch.tokens.shape[1]
        mask = torch.ones(self.hidden.shape[:2], dtype=torch.bool)
        return EncoderStates(self.hidden, mask, words)


class RecordedVQACL(VQACL):
    """VQACL, all but the T5."""

    def _make_model(self):
        return RecordedEncoder(12, 36)


@pytest.mark.parametrize("name", ["a", "short"])
def test_a_sequence_of_training_calls(name):
    c = case(f"sequence.{name}")
    kinds, objects = (tuple("x" * int(c[f"n_{what}_types"])) for what in ("question", "object"))
    spec = QuestionSpec(
        0, 20, 30, 0, 1, 2, 3, ("a",), torch.tensor([[4, 2]]), kinds, objects, (), (), None, str
    )
    config = VQACL.Config(
        alpha=c["alpha"].item(),
        beta=c["beta"].item(),
        prototype_update="reference",
        question_part="fixed",
        question_tokens=int(c["split_at"]),
    )
    method = RecordedVQACL(config, spec).double()
    words = int(c["n_text_tokens"])

    def encode(recorded, learn):
        method.model.hidden = recorded["hidden"]
        b = len(recorded["hidden"])
        labels = [recorded.get(f"{what}_labels", torch.zeros(b)) for what in ("object", "question")]
        tokens = torch.full((b, words), 7)
        return method.encode(Batch(None, tokens, labels[0], labels[0], kind=labels[1]), learn=learn)

    under_way = None
    for k in range(int(c["n_calls"])):
        call = case(f"sequence.{name}.call{k}")
        if int(call["task"]) != under_way:
            under_way = int(call["task"])
            method.start_task(Task(under_way, "t", "vqa", 3))
        encoded = encode(call, learn=True)
        close(method.prototypes.question, call["out_Q"])
        close(method.prototypes.picture, call["out_V"])
        close(encoded.hidden[:, :-2], call["hidden"])
        close(encoded.hidden[:, -2:], call["out_appended"])
        assert torch.equal(encoded.mask.double(), call["out_encoder_mask"])
        chosen = torch.stack([call["out_Q"][call["out_index_Q"]], call["out_V"][call["out_index_V"]]], 1)
        assert torch.equal(chosen, call["out_appended"])

    before = {name: value.clone() for name, value in method.state_dict().items()}
    if name == "a":
        test = case(f"sequence.{name}.test")
        close(encode(test, learn=False).hidden[:, -2:], test["out_appended"])
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
