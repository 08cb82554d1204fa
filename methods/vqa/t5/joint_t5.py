"""VL-T5's joint encoder and decoder: words and regions in, answers out."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache

from ...method import Batch, QuestionSpec
from .config import JointT5Config
from .grid_regions import grid_regions
from .t5 import make_t5
from .visual_embedding import VisualEmbedding


class EncoderStates(NamedTuple):
    """The states that the decoder attends to.

    Attributes:
        hidden: (B, N, W).
        mask: bool (B, N), true where the decoder may attend.
        words: The first ``words`` positions are the question's.
    """

    hidden: Tensor
    mask: Tensor
    words: int


class JointT5(nn.Module):
    """A T5 whose encoder reads [words ; regions]. Positions matter among words alone.

    Args:
        config: The sizes, and where the weights come from.
        spec: The stream's questions and answers.
        area: See :class:`~methods.vqa.t5.visual_embedding.VisualEmbedding`.

    Raises:
        ValueError: The grid does not tile a picture, or the weights do not exist or do not fit. The message
            has one line.
    """

    def __init__(self, config: JointT5Config, spec: QuestionSpec, area: Literal["box", "reference"]) -> None:
        super().__init__()
        config = config.resolved()
        if spec.regions is None:
            if spec.image_size % config.grid:
                raise ValueError(f"image size {spec.image_size} must be a multiple of grid {config.grid}")
            regions, features = config.grid**2, 3 * (spec.image_size // config.grid) ** 2
        else:
            regions, features = spec.regions
        t5 = make_t5(config, spec, regions)
        # One table serves the words in, the words out and the regions' numbers. It is held once, so that a
        # state dict has no shared tensors.
        self.words = t5.shared
        self.dropout = t5.encoder.dropout
        self.blocks = t5.encoder.block
        self.norm = t5.encoder.final_layer_norm
        self.decoder = t5.decoder
        self.decoder.embed_tokens = None
        self.visual = VisualEmbedding(
            features, config.width, norm=config.visual_norm, order=config.visual_order, area=area
        )
        self.width, self.regions = config.width, regions
        self.pad_id, self.vocabulary = spec.pad_id, spec.vocab_size
        self._grid = config.grid

    def encode(self, batch: Batch) -> EncoderStates:
        """Encodes the questions of a batch with their pictures."""
        if batch.regions is None:
            features, boxes = grid_regions(batch.image, self._grid)
        else:
            features, boxes = batch.regions, batch.boxes
        table = self.words.weight
        visual = self.visual(features.to(table.dtype), boxes.to(table.dtype), table)
        hidden = self.dropout(torch.cat([self.words(batch.tokens), visual], dim=1))
        words = batch.tokens.shape[1]
        mask = F.pad(batch.tokens != self.pad_id, (0, visual.shape[1]), value=True)
        bias = self.blocks[0].layer[0].SelfAttention.compute_bias(words, words)
        bias = F.pad(bias, (0, visual.shape[1], 0, visual.shape[1]))
        bias = bias.masked_fill(~mask[:, None, None], torch.finfo(bias.dtype).min)
        for block in self.blocks:
            hidden = block(hidden, None, bias)[0]
        return EncoderStates(self.dropout(self.norm(hidden)), mask, words)

    def logits(self, encoded: EncoderStates, answers: Tensor) -> Tensor:
        """Returns the logits of each token of the answers, given the tokens before it.

        Args:
            encoded: The questions' states.
            answers: int64 (B, L).

        Returns:
            (B, L, V).
        """
        before = F.pad(answers[:, :-1], (1, 0), value=self.pad_id)
        return self._decode(before, encoded, None)

    def speaker(self, encoded: EncoderStates) -> Speaker:
        """Returns what says answers token by token, for :func:`~methods.vqa.t5.beam_search.beam_search`."""
        return Speaker(self, encoded)

    def _decode(self, tokens: Tensor, encoded: EncoderStates, past: EncoderDecoderCache | None) -> Tensor:
        out = self.decoder(
            inputs_embeds=self.words(tokens),
            encoder_hidden_states=encoded.hidden,
            encoder_attention_mask=encoded.mask,
            past_key_values=past,
            use_cache=past is not None,
        )
        # T5 ties the output to the word table, and scales the output for that.
        return F.linear(out.last_hidden_state * self.width**-0.5, self.words.weight)


class Speaker:
    """The decoder together with what it has said so far, in one or several rows for each question.

    Args:
        model: The T5.
        encoded: The questions' states.
    """

    def __init__(self, model: JointT5, encoded: EncoderStates) -> None:
        self._model = model
        self._encoded = encoded
        config = model.decoder.config
        self._past = EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))

    def start(self) -> Tensor:
        """Returns the log-probabilities (B, V) of an answer's first token."""
        rows = self._encoded.hidden.shape[0]
        return self.step(self._encoded.mask.new_full((rows,), self._model.pad_id, dtype=torch.long))

    def repeat(self, times: int) -> None:
        """Turns each row into ``times`` adjacent rows."""
        self._past.batch_repeat_interleave(times)
        hidden, mask, words = self._encoded
        again = hidden.repeat_interleave(times, 0), mask.repeat_interleave(times, 0)
        self._encoded = EncoderStates(*again, words)

    def choose(self, rows: Tensor) -> None:
        """Makes row i continue what row ``rows[i]``, of the same question, has said."""
        self._past.self_attention_cache.reorder_cache(rows)

    def step(self, tokens: Tensor) -> Tensor:
        """Says ``tokens`` (rows,) and returns the log-probabilities (rows, V) of the next token. Rows of
        regions in the table are no words.
        """
        logits = self._model._decode(tokens[:, None], self._encoded, self._past).squeeze(1)
        words = self._model.vocabulary
        log = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(-1)
        log[:, words:] = -torch.inf
        return log
