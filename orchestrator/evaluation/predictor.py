"""Predictions of a trained method for pictures and texts of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from methods.method import Batch, Method, Scenario

from ..config import RunConfig
from ..errors import UserError
from ..features.frozen import image_encoder
from ..numerics.deterministic import deterministic
from ..streams.pictures import ArrayPictures
from ..streams.pictures.given import GivenPictures
from ..streams.source import Pictures, StreamSource
from ..streams.stream import Split
from ..streams.text.clean_caption import clean_caption
from ..streams.text.tokenizer import Tokenizer
from .distributed import own_batches
from .predictions import AnswerPrediction, ClassPrediction, MatchPrediction, Prediction
from .protocol import Evaluation


class Predictor:
    """A trial's trained method, with the stream's preprocessing and the run's tokenizer.

    Attributes:
        method: The method itself, on its device.
        config: The trial's configuration.
        scenario: ``recognition``, ``retrieval`` or ``vqa``.
        classes: In recognition the names of the classes that were learnt; else empty.

    Args:
        method: The trained method. It is moved to ``device`` and put into eval mode.
        config: The trial's configuration.
        source: The stream, which may be without data.
        tokenizer: The run's tokenizer; None: pictures have no texts (recognition).
        device: Where predictions are computed.
    """

    def __init__(
        self,
        method: Method,
        config: RunConfig,
        source: StreamSource,
        tokenizer: Tokenizer | None,
        device: torch.device,
    ) -> None:
        self.method = method.to(device).eval()
        self.config = config
        self.scenario: Scenario = source.scenario
        self.classes = tuple(source.categories) if source.scenario == "recognition" else ()
        self._source = source
        self._tokenizer = tokenizer
        run, encode = config.run, image_encoder(config, device)
        self._how = Evaluation(device, run.eval_batch_size, run.precision, encode, run.deterministic)

    def predict(self, pictures: Sequence[Any], texts: Sequence[str] | None = None) -> Prediction:
        """Predicts for ``pictures`` and ``texts``.

        Args:
            pictures: N pictures of any size: paths of files, bytes of files, PIL images, or arrays of uint8
                (height, width, 3). Where the stream has features of regions, arrays of float32 (R, F + 4).
            texts: In retrieval M texts, each of which is compared with each picture. In visual question
                answering N questions, one to each picture. In recognition none.

        Returns:
            :class:`~orchestrator.evaluation.predictions.ClassPrediction`,
            :class:`~orchestrator.evaluation.predictions.MatchPrediction` or
            :class:`~orchestrator.evaluation.predictions.AnswerPrediction`, as the scenario is.

        Raises:
            UserError: A picture cannot be read, or texts are given where there must be none, or are missing
                where there must be some.
        """
        given = GivenPictures(pictures, *self.picture, self._source.crop)
        texts = self._texts(texts, len(given))
        with torch.no_grad(), deterministic(self._how.deterministic):
            if self.scenario == "recognition":
                return self._recognise(given)
            if self.scenario == "retrieval":
                return self._match(given, texts)
            return self._answer(given, texts)

    def embed_pictures(self, pictures: Sequence[Any]) -> Tensor:
        """float32 (N, D), unit rows of N pictures, which are given as for :meth:`predict`. Only retrieval has
        it.
        """
        given = GivenPictures(pictures, *self.picture, self._source.crop)
        with torch.no_grad(), deterministic(self._how.deterministic):
            return self._embed(given, [""] * len(given), "image")

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """float32 (M, D), unit rows of M texts. Only retrieval has it."""
        with torch.no_grad(), deterministic(self._how.deterministic):
            return self._embed_texts(self._texts(texts, 0))

    def first_cut(self, texts: Sequence[str]) -> tuple[int, int, int] | None:
        """Finds the first text that is longer than what the method reads.

        Args:
            texts: The texts.

        Returns:
            The text's index, the number of its tokens, and the number of tokens that are read. None: all
            texts are read whole.
        """
        if self._tokenizer is None:
            return None
        return self._tokenizer.first_cut([self._cleaned(text) for text in texts])

    @property
    def picture(self) -> tuple[tuple[int, ...], type[np.generic]]:
        """Shape and type of one picture as the method reads it: uint8 (S, S, 3), or float32 (R, F + 4) where
        the stream has features of regions.
        """
        tables, size = self._source.tables, self._source.image_size
        if tables is None or tables.regions is None:
            return (size, size, 3), np.uint8
        regions, width = tables.regions
        return (regions, width + 4), np.float32

    def _recognise(self, pictures: Pictures) -> ClassPrediction:
        classes = range(len(self.classes))
        logits = self._all(pictures, None, lambda batch: self.method.predict(batch, classes).float())
        return ClassPrediction(self.classes, _rows(logits, len(classes)).softmax(-1).cpu().numpy())

    def _match(self, pictures: Pictures, texts: list[str]) -> MatchPrediction:
        image, text = self._embed(pictures, [""] * len(pictures), "image"), self._embed_texts(texts)
        if not len(image) or not len(text):
            return MatchPrediction(np.zeros((len(image), len(text)), np.float32))
        return MatchPrediction((image @ text.T).cpu().numpy())

    def _embed_texts(self, texts: list[str]) -> Tensor:
        # A batch of texts alone still needs pictures, which nothing looks at, and the other way round.
        shape, kind = self.picture
        none = ArrayPictures(np.broadcast_to(np.zeros((), kind), (len(texts), *shape)))
        return self._embed(none, texts, "text")

    def _embed(self, images: Pictures, captions: list[str], what: Literal["image", "text"]) -> Tensor:
        features = self._all(images, captions, lambda batch: self.method.embed(batch, what).float())
        return _rows(features, 1)

    def _answer(self, pictures: Pictures, questions: list[str]) -> AnswerPrediction:
        answers: list[str] = []
        scores: list[Tensor] = []
        for batch in self._batches(pictures, questions):
            with self._precision():
                said = self.method.answer(batch)
            answers += said.texts
            scores.append(said.score.float())
        return AnswerPrediction(
            answers, torch.cat(scores).cpu().numpy() if scores else np.zeros(0, np.float32)
        )

    def _all(
        self, pictures: Pictures, texts: list[str] | None, ask: Callable[[Batch], Tensor]
    ) -> list[Tensor]:
        parts = []
        for batch in self._batches(pictures, texts):
            with self._precision():
                parts.append(ask(batch))
        return parts

    def _batches(self, pictures: Pictures, texts: list[str] | None) -> Iterator[Batch]:
        """Batches as an evaluation makes them of a split."""
        count = len(pictures)
        tokens = np.empty((count, 0), np.int32)
        if self._tokenizer is not None and texts is not None:
            tokens = self._tokenizer.encode(texts)
        return own_batches(self.method, Split(pictures, tokens, np.zeros(count, np.int32)), self._how)

    def _precision(self) -> torch.autocast:
        how = self._how
        return torch.autocast(how.device.type, torch.bfloat16, enabled=how.precision == "bf16")

    def _texts(self, texts: Sequence[str] | None, pictures: int) -> list[str]:
        if self.scenario == "recognition":
            if texts is not None:
                raise UserError("texts: a method of recognition reads none; allowed: pictures alone")
            return []
        what = "texts" if self.scenario == "retrieval" else "questions"
        try:
            given = None if texts is None or isinstance(texts, str) else list(texts)
        except TypeError:  # it is one number
            given = None
        if given is None or not all(isinstance(text, str) for text in given):
            raise UserError(f"texts: {str(texts)[:60]!r}; allowed: a list of {what}")
        if self.scenario == "vqa" and len(given) != pictures:
            raise UserError(f"texts: {len(given)} questions to {pictures} pictures; allowed: one to each")
        return [self._cleaned(text) for text in given]

    def _cleaned(self, text: str) -> str:
        words = self._source.words
        return text if words is None else clean_caption(text, words)


def _rows(parts: list[Tensor], width: int) -> Tensor:
    return torch.cat(parts) if parts else torch.zeros(0, width)
