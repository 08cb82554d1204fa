"""The T5 over words and regions, its parts, and how it loads weights."""

import itertools
import math
import re

import pytest
import torch
import torch.nn.functional as F
from transformers import BertConfig, BertForMaskedLM, T5Config, T5ForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from methods.common.schedule import warmup_constant
from methods.method import Batch, QuestionSpec
from methods.vqa.t5.beam_search import beam_search
from methods.vqa.t5.config import JointT5Config
from methods.vqa.t5.grid_regions import grid_regions
from methods.vqa.t5.joint_t5 import EncoderStates, JointT5
from methods.vqa.t5.targets import draw_targets

WORDS = 30
SIZE = {"width": 16, "layers": 2, "heads": 2, "ff": 24}


def spec_of(regions=None, image_size=8):
    tokens = torch.tensor([[5, 2, 0], [6, 7, 2]])
    return QuestionSpec(
        image_size, 7, WORDS, 0, 1, 2, 3, ("a", "b"), tokens, ("k",), ("o",), ("g",), (0,), regions, str
    )


def make(spec=None, **fields):
    torch.manual_seed(0)
    config = JointT5Config(**({"size": "small", "grid": 2} | SIZE | fields))
    return JointT5(config, spec or spec_of(), "box").eval()


def batch(size=3, regions=None):
    g = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (size, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, WORDS, (size, 7), generator=g)
    tokens[1, 4:] = 0
    label = torch.zeros(size, dtype=torch.long)
    if regions is None:
        return Batch(image, tokens, label, label)
    r, f = regions
    boxes = torch.rand(size, r, 4, generator=g)
    return Batch(None, tokens, label, label, regions=torch.randn(size, r, f, generator=g), boxes=boxes)


def test_grid_cells_are_the_pictures_parts_and_boxes_say_where():
    image = torch.arange(3 * 6 * 6, dtype=torch.uint8).reshape(1, 3, 6, 6)
    features, boxes = grid_regions(image, 3)
    assert features.shape == (1, 9, 12) and boxes.shape == (1, 9, 4)
    for row, column in itertools.product(range(3), range(3)):
        x1, y1, x2, y2 = (boxes[0, 3 * row + column] * 6).round().long().tolist()
        assert (x1, y1, x2 - x1, y2 - y1) == (2 * column, 2 * row, 2, 2)
        cell = image[0, :, y1:y2, x1:x2].float() / 255
        torch.testing.assert_close(features[0, 3 * row + column], cell.flatten())


def plain_encoder(model, batch):
    """The encoder, written out from its weights: bias among words alone, and padding unread."""
    state = model.state_dict()
    features, boxes = grid_regions(batch.image, 2)
    x = torch.cat([state["words.weight"][batch.tokens], model.visual(features, boxes, model.words.weight)], 1)
    n, words, heads = x.shape[1], batch.tokens.shape[1], SIZE["heads"]

    def norm(x, weight):
        return x * (x.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt() * weight

    bias = torch.zeros(heads, n, n)
    for i, j in itertools.product(range(words), range(words)):
        bucket = abs(i - j) + 16 * (j > i)  # 32 buckets: up to 8 apart, each distance has its own
        bias[:, i, j] = state["blocks.0.layer.0.SelfAttention.relative_attention_bias.weight"][bucket]
    read = torch.cat([batch.tokens != 0, torch.ones(len(x), n - words, dtype=torch.bool)], 1)
    for k in range(SIZE["layers"]):
        prefix = f"blocks.{k}.layer."
        own = {name[len(prefix) :]: v for name, v in state.items() if name.startswith(prefix)}
        h = norm(x, own["0.layer_norm.weight"])
        q, k_, v = (
            (h @ own[f"0.SelfAttention.{part}.weight"].T).unflatten(-1, (heads, -1)).transpose(1, 2)
            for part in "qkv"
        )
        scores = (q @ k_.mT + bias).masked_fill(~read[:, None, None], -math.inf)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = x + mixed @ own["0.SelfAttention.o.weight"].T
        h = norm(x, own["1.layer_norm.weight"])
        x = x + (h @ own["1.DenseReluDense.wi.weight"].T).relu() @ own["1.DenseReluDense.wo.weight"].T
    return norm(x, state["norm.weight"])


def test_positions_matter_among_words_alone():
    model = make()
    with torch.no_grad():
        bias = model.blocks[0].layer[0].SelfAttention.relative_attention_bias.weight
        bias.normal_()
        encoded = model.encode(batch())
        torch.testing.assert_close(encoded.hidden, plain_encoder(model, batch()), rtol=1e-4, atol=1e-5)
    assert encoded.words == 7
    assert encoded.mask.tolist() == [[True] * 11, [True] * 4 + [False] * 3 + [True] * 4, [True] * 11]


def test_padding_is_not_read():
    model = make()
    whole = model.encode(batch())
    short = batch()
    short.tokens = short.tokens[1:2, :4]
    short.image = short.image[1:2]
    found = model.encode(short)
    torch.testing.assert_close(found.hidden, whole.hidden[1:2][whole.mask[1:2]][None])
    answers = torch.tensor([[5, 2, 0]])
    torch.testing.assert_close(
        model.logits(found, answers), model.logits(whole, answers.expand(3, -1))[1:2], rtol=1e-4, atol=1e-5
    )


def test_region_features_take_the_place_of_pixels():
    model = make(spec_of(regions=(3, 5), image_size=0))
    given = batch(regions=(3, 5))
    encoded = model.encode(given)
    assert encoded.hidden.shape == (3, 10, 16)
    given.boxes = given.boxes + 0.1
    assert not torch.allclose(model.encode(given).hidden, encoded.hidden)
    assert model.words.weight.shape == (WORDS + 3, 16)


def test_everything_is_trained_and_held_once():
    model = make().train()
    model.logits(model.encode(batch()), torch.tensor([[5, 2, 0]] * 3)).logsumexp(-1).sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []
    storages = [t.data_ptr() for t in model.state_dict().values()]
    assert len(set(storages)) == len(storages)


@pytest.fixture(scope="module")
def t5_folder(tmp_path_factory):
    """A small T5 in the form in which one is published, with its word table padded."""

    def save(**fields):
        torch.manual_seed(1)
        sizes = {"d_model": 16, "d_kv": 12, "d_ff": 24, "num_layers": 2, "num_heads": 2, "vocab_size": 32}
        folder = tmp_path_factory.mktemp("t5")
        T5ForConditionalGeneration(T5Config(**(sizes | fields))).save_pretrained(folder)
        return str(folder)

    return save


def test_published_weights_say_what_they_said(t5_folder):
    folder = t5_folder()
    published = T5ForConditionalGeneration.from_pretrained(folder).eval()
    model = make(weights=folder)
    tokens, answers = batch().tokens, torch.tensor([[5, 8, 2], [6, 2, 0], [7, 7, 7]])
    mask = tokens != 0
    with torch.no_grad():
        hidden = published.encoder(tokens, attention_mask=mask.long()).last_hidden_state
        start = torch.tensor([[0, 5, 8], [0, 6, 2], [0, 7, 7]])
        wanted = published(
            encoder_outputs=BaseModelOutput(hidden), attention_mask=mask.long(), decoder_input_ids=start
        ).logits
        found = model.logits(EncoderStates(hidden, mask, 7), answers)
    torch.testing.assert_close(found[..., :WORDS], wanted[..., :WORDS], rtol=1e-4, atol=1e-5)
    assert torch.equal(model.words.weight[:WORDS], published.shared.weight[:WORDS])
    assert model.words.weight.shape == (WORDS + 4, 16)
    for k, block in enumerate(model.blocks):
        theirs = published.encoder.block[k].state_dict()
        assert all(torch.equal(value, theirs[name]) for name, value in block.state_dict().items())


@pytest.mark.parametrize(
    ("saved", "fields", "message"),
    [
        ({"num_layers": 3}, {}, "have layers 3, not 2"),
        ({"num_decoder_layers": 1}, {}, "have layers 1, not 2"),
        ({"d_ff": 48}, {}, "have ff 48, not 24"),
        ({"vocab_size": 29}, {}, "have 29 words, the tokenizer 30: take both from one source"),
        (
            {"pad_token_id": 3},
            {},
            "have pad_token_id 3, the tokenizer's [PAD] is 0: take both from one source",
        ),
        (
            {"decoder_start_token_id": 5},
            {},
            "have decoder_start_token_id 5, the tokenizer's [PAD] is 0: take",
        ),
        ({"vocab_size": 300}, {}, "have 300 words, the tokenizer 30: take both from one source"),
        (
            {"tie_word_embeddings": False},
            {},
            "have an output layer of their own (T5 1.1): allowed are those of a",
        ),
        ({}, {"weights": "/no/such/folder"}, "'/no/such/folder': no such folder (or say random, or"),
    ],
)
def test_weights_that_do_not_fit_are_one_line(t5_folder, saved, fields, message):
    with pytest.raises(ValueError, match=f"^weights .*{re.escape(message)}[^\n]*$"):
        make(**({"weights": t5_folder(**saved)} | fields))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_t5_in_half_precision_is_read_as_float32(tmp_path, t5_folder, dtype):
    half = T5ForConditionalGeneration.from_pretrained(t5_folder(), dtype=dtype)
    half.save_pretrained(tmp_path)
    model = make(weights=str(tmp_path))
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert torch.equal(model.words.weight[:WORDS], half.shared.weight[:WORDS].float())
    assert torch.equal(
        model.blocks[1].layer[0].SelfAttention.q.weight,
        half.encoder.block[1].layer[0].SelfAttention.q.weight.float(),
    )


def test_a_t5_that_is_not_finite_or_of_another_shape_is_one_line(t5_folder):
    from pathlib import Path

    from safetensors.torch import load_file, save_file

    folder = t5_folder()
    path = Path(folder) / "model.safetensors"
    whole = load_file(path)
    name = "decoder.block.1.layer.2.DenseReluDense.wi.weight"
    for changed, said in (
        (torch.full_like(whole[name], float("inf")), f"are not finite: {name} holds NaN or infinity"),
        (torch.zeros(25, 16), f"do not fit: {name} is 25x16, not 24x16"),
    ):
        save_file(whole | {name: changed}, path, {"format": "pt"})
        with pytest.raises(ValueError, match=f"^weights '{folder}' {re.escape(said)}$"):
            make(weights=folder)


def test_weights_of_another_model_are_one_line(tmp_path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertForMaskedLM(BertConfig(vocab_size=WORDS, **sizes)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="^weights .* are those of a bert, not of a T5$"):
        make(weights=str(tmp_path))
    (tmp_path / "config.json").unlink()
    with pytest.raises(ValueError, match="^cannot load weights [^\n]*$"):
        make(weights=str(tmp_path))


def test_weights_that_lack_some_are_one_line(t5_folder):
    from pathlib import Path

    from safetensors.torch import load_file, save_file

    folder = t5_folder()
    path = Path(folder) / "model.safetensors"
    weights = load_file(path)
    del weights["encoder.final_layer_norm.weight"]
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(
        ValueError, match=r"lack 1 of a T5's weights, encoder\.final_layer_norm\.weight first$"
    ):
        make(weights=folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": "large"}, "size 'large' must be one of base, small"),
        ({"width": 10, "heads": 4}, "width 10 must be a multiple of heads 4"),
        ({"grid": 0}, "grid 0 must be >= 1"),
        ({"dropout": 1.0}, "dropout 1.0 must be >= 0 and < 1"),
        ({"visual_norm": "none"}, "visual_norm 'none' must be one of parts, sum"),
    ],
)
def test_a_backbone_out_of_range_is_one_line(fields, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        JointT5Config(**fields)


def test_the_base_size_is_t5_base():
    full = JointT5Config().resolved()
    assert (full.width, full.layers, full.heads, full.ff, full.dropout) == (768, 12, 12, 3072, 0.1)
    assert JointT5Config(size="small", width=8).resolved().width == 8


def test_a_grid_that_does_not_tile_the_picture_is_one_line():
    with pytest.raises(ValueError, match="^image size 8 must be a multiple of grid 3$"):
        make(grid=3)


def test_saying_token_by_token_is_reading_the_whole_answer():
    model = make()
    encoded = model.encode(batch())
    answers = torch.randint(4, WORDS, (6, 4), generator=torch.Generator().manual_seed(3))
    answers[1::2, :2] = answers[::2, :2]  # a question's two rows begin alike
    twice = EncoderStates(*(t.repeat_interleave(2, 0) for t in encoded[:2]), encoded.words)
    logits = model.logits(twice, answers).detach().log_softmax(-1)
    speaker = model.speaker(encoded)
    with torch.no_grad():
        torch.testing.assert_close(speaker.start()[:, :WORDS], logits[::2, 0, :WORDS])
        speaker.repeat(2)
        for k in range(3):
            if k == 1:
                speaker.choose(torch.tensor([1, 0, 3, 2, 4, 4]))
            said = speaker.step(answers[:, k])
            torch.testing.assert_close(said[:, :WORDS], logits[:, k + 1, :WORDS], rtol=1e-4, atol=1e-5)
    assert (said[:, WORDS:] == -torch.inf).all()  # regions' rows are no words


class Table:
    """A speaker whose next token depends on all that a row has said, by a table of random numbers."""

    def __init__(self, rows, vocabulary, seed, sharpness=2.0):
        self.rows, self.vocabulary, self.seed, self.sharpness = rows, vocabulary, seed, sharpness
        self.said = [(row,) for row in range(rows)]

    def log(self, said):
        drawn = torch.Generator().manual_seed(hash((self.seed, *said)) % 2**40)
        return (self.sharpness * torch.randn(self.vocabulary, generator=drawn)).log_softmax(0)

    def start(self):
        return torch.stack([self.log(s) for s in self.said])

    def repeat(self, times):
        self.said = [s for s in self.said for _ in range(times)]

    def choose(self, rows):
        self.said = [self.said[r] for r in rows.tolist()]

    def step(self, tokens):
        self.said = [(*s, t) for s, t in zip(self.said, tokens.tolist(), strict=True)]
        return self.start()


def every_answer(table, row, length, end):
    """(mean log-probability, tokens without the end) of all answers."""
    for said in itertools.product(range(table.vocabulary), repeat=length):
        stop = said.index(end) + 1 if end in said else length
        if any(t != 0 for t in said[stop:]):
            continue  # one of the rows that end alike
        total = sum(table.log((row, *said[:k]))[said[k]].item() for k in range(stop))
        yield total / stop, [t for t in said[:stop] if t != end]


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_best_of_all_answers(seed):
    rows, vocabulary, length, end, pad = 3, 4, 4, 1, -1
    found, _ = beam_search(Table(rows, vocabulary, seed), vocabulary**length, length, end, pad)
    assert found.shape == (rows, length)
    for row in range(rows):
        _, best = max(every_answer(Table(rows, vocabulary, seed), row, length, end))
        assert [t for t in found[row].tolist() if t != pad] == best


@pytest.mark.parametrize("seed", range(5))
def test_one_beam_is_greedy(seed):
    table = Table(4, 5, seed)
    found, score = beam_search(Table(4, 5, seed), 1, 6, end=1, pad=0)
    for row in range(4):
        said = [row]
        while len(said) <= 6 and (token := int(table.log(said).argmax())) != 1:
            said.append(token)
        assert found[row].tolist() == (said[1:] + [0] * 6)[:6]
        whole = (said[1:] + [1])[:6]
        log = [table.log((row, *whole[:k]))[token].item() for k, token in enumerate(whole)]
        assert score[row].item() == pytest.approx(sum(log) / len(log), rel=1e-5)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("said", [0, 1, 2])
def test_a_log_probability_that_is_nan_shows_in_the_score(beams, said):
    class Broken(Table):
        def log(self, words):
            return super().log(words) * (torch.nan if words[0] == 2 and len(words) == said + 1 else 1)

    table = Broken(4, 8, 5)
    whole, score = beam_search(table, beams, 4, end=99, pad=0)  # no answer ends before
    assert score.isnan().tolist() == [False, False, True, False] and whole.shape == (4, 4)


def test_more_beams_find_no_worse_answers():
    rows, vocabulary, length = 50, 6, 3
    table = Table(rows, vocabulary, 0, sharpness=1.0)

    def mean(beams):
        found, _ = beam_search(Table(rows, vocabulary, 0, sharpness=1.0), beams, length, 1, -1)
        total = 0.0
        for row, answer in enumerate(found.tolist()):
            said = [t for t in answer if t != -1]
            whole = said + [1] * (len(said) < length)
            total += sum(table.log((row, *whole[:k]))[whole[k]].item() for k in range(len(whole))) / len(
                whole
            )
        return total / rows

    assert mean(1) + 0.02 < mean(5) <= mean(36)


class Tiny:
    """A speaker that reads all that its rows have said anew with a T5 of transformers."""

    def __init__(self, model, words):
        self.model, self.words = model, words
        self.said = torch.zeros(len(words), 1, dtype=torch.long)

    def start(self):
        with torch.no_grad():
            return self.model(self.words, decoder_input_ids=self.said).logits[:, -1].log_softmax(-1)

    def repeat(self, times):
        self.words, self.said = (rows.repeat_interleave(times, 0) for rows in (self.words, self.said))

    def choose(self, rows):
        self.said = self.said[rows]

    def step(self, tokens):
        self.said = torch.cat([self.said, tokens[:, None]], 1)
        return self.start()


def test_both_readings_of_early_stopping_are_those_of_transformers():
    torch.manual_seed(0)
    sizes = {"vocab_size": 8, "d_model": 8, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    model = T5ForConditionalGeneration(
        T5Config(**sizes, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, initializer_factor=2.0)
    ).eval()
    words = torch.randint(2, 8, (300, 4))
    for early in (False, True):
        theirs = model.generate(words, num_beams=2, max_new_tokens=6, early_stopping=early, do_sample=False)
        theirs = F.pad(theirs[:, 1:], (0, 7 - theirs.shape[1]))
        ours, _ = beam_search(Tiny(model, words), 2, 6, end=1, pad=0, early_stopping=early)
        assert torch.equal(ours, theirs.masked_fill(theirs == 1, 0))


class Late(Table):
    """Two short answers end before the best one does."""

    def log(self, said):
        known = {(): {1: -1.0, 2: -1.1}, (2,): {1: -1.1, 2: -0.05}, (2, 2): {1: -0.05}}
        row = torch.full((self.vocabulary,), -9.0)
        for token, log in known.get(said[1:], {}).items():
            row[token] = log
        return row


@pytest.mark.parametrize(("early", "best", "mean"), [(True, [0, 0, 0, 0], -1.0), (False, [2, 2, 0, 0], -0.4)])
def test_early_stopping_ends_with_as_many_finished_answers_as_beams(early, best, mean):
    found, score = beam_search(Late(1, 4, 0), 2, 4, end=1, pad=0, early_stopping=early)
    assert found.tolist() == [best] and score.item() == pytest.approx(mean)


def test_targets_are_drawn_in_proportion_to_their_scores():
    answer = torch.tensor([[3, 5, 7, -1]]).expand(1000, -1)
    score = torch.tensor([[0.25, 0.0, 0.75, 5.0]]).expand(1000, -1)
    uniform = torch.arange(1000, dtype=torch.float64) / 1000
    drawn, worth = draw_targets(answer, score, uniform)
    assert (drawn == 3).sum() == 250 and (drawn == 7).sum() == 750
    assert torch.equal(worth, torch.where(drawn == 3, 0.25, 0.75))
    drawn, worth = draw_targets(torch.tensor([[-1, -1]]), torch.zeros(1, 2), torch.tensor([0.5]))
    assert (drawn.item(), worth.item()) == (0, 0)
    nearly = torch.full((1,), 1 - 2**-53, dtype=torch.float64)
    drawn, _ = draw_targets(torch.tensor([[4, 6, -1]]), torch.tensor([[1 / 3, 1 / 7, 0.0]]), nearly)
    assert drawn.item() == 6


def test_the_rate_rises_then_stays():
    rates = [warmup_constant(k, 20, 0.2) for k in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert set(rates[4:]) == {1.0}
    assert warmup_constant(0, 5, 0.1) == 1


def test_transformers_rise_begins_at_zero():
    rates = [warmup_constant(k, 20, 0.2, from_zero=True) for k in range(6)]
    assert rates == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])
    assert warmup_constant(0, 5, 0.1, from_zero=True) == 1


def test_bf16_autocast_stays_near_full_precision():
    model = make()
    answers = torch.tensor([[5, 2, 0]] * 3)
    wanted = F.softmax(model.logits(model.encode(batch()), answers), -1)
    with torch.autocast("cpu", torch.bfloat16):
        found = F.softmax(model.logits(model.encode(batch()), answers), -1)
    torch.testing.assert_close(found.float(), wanted, rtol=0.1, atol=0.01)
