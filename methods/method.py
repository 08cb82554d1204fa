"""The contract every method and baseline is written against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

Scenario = Literal["recognition", "vqa", "retrieval"]


@dataclass(frozen=True)
class Task:
    """What a method is told of a task: its place in the stream, never its data.

    ``index`` counts from 0; ``total`` is the number of tasks of the stream. ``classes``: the classes that it
    adds (recognition). Classes are numbered in the order in which they arrive, so those of tasks 0 .. t
    together are ``range(task.classes.stop)``.

    ``groups``: the object groups that its training questions are about, in the order in which a method with
    an inner sequence takes them; ``answers``: the answers that its training questions have, ascending indices
    into ``QuestionSpec.answers`` (both vqa).
    """

    index: int
    name: str
    scenario: Scenario
    total: int
    classes: range = range(0)
    groups: tuple[int, ...] = ()
    answers: tuple[int, ...] = ()


@dataclass(frozen=True)
class InputSpec:
    """What a method must know of its inputs to size itself.

    ``image_size``: side of the square pictures, in pixels. ``max_tokens``: length L of token rows, special
    tokens included. The four ids are the tokenizer's, each in ``0 .. vocab_size - 1``.
    """

    image_size: int
    max_tokens: int
    vocab_size: int
    pad_id: int
    cls_id: int
    sep_id: int
    mask_id: int


@dataclass(frozen=True, eq=False)
class ClassSpec:
    """What a recognition method must know of its classes, all of the stream's, in the order of arrival.

    ``names``: C class names. ``templates``: T prompts, each with one ``{}``. ``text``: float32 (C, T, D),
    unit rows: what the frozen text encoder gives for each name in each template. ``scale``: the exponential
    of CLIP's ``logit_scale``. Methods look at classes that have arrived, and at others only to be scored on
    what they have not learnt.
    """

    names: tuple[str, ...]
    templates: tuple[str, ...]
    text: Tensor
    scale: float

    @property
    def width(self) -> int:
        """D, of the space that pictures and texts share."""
        return self.text.shape[-1]


@dataclass(frozen=True, eq=False)
class QuestionSpec(InputSpec):
    """What a method of visual question answering must know of questions and answers.

    ``answers``: A different answers, those that may be learnt. ``answer_tokens``: int64 (A, L_a), each as a
    token row: its tokens, [SEP], then [PAD]. ``kinds``, ``objects``, ``groups``: names of the kinds of
    question, of the object categories of pictures, and of the groups of these; ``group_of``: each object's
    group. ``regions``: (R, F), the regions of a picture and the width of their features, where pictures come
    as ``Batch.regions``; None where they come as pixels. ``detokenize``: token ids -> text, special tokens
    left out.
    """

    answers: tuple[str, ...]
    answer_tokens: Tensor
    kinds: tuple[str, ...]
    objects: tuple[str, ...]
    groups: tuple[str, ...]
    group_of: tuple[int, ...]
    regions: tuple[int, int] | None
    detokenize: Callable[[Sequence[int]], str]


@dataclass
class Batch:
    """One rank's share of a global batch.

    ``image``: uint8 (B, 3, S, S), already augmented; a backbone normalises it. None where ``feature`` takes
    its place: float32 (B, D), unit rows, what the frozen image encoder gives for it (for ``queries``, see
    :class:`Method`, it is (B, 3, D) and the picture stays). ``tokens``: int64
    (B, L), [CLS] first, [PAD] after the end; L is 0 where pictures have no texts. ``label``: int64 (B,), the
    stream-wide category, in recognition the class, in vqa the object that the picture is of. ``row``: int64
    (B,), the stream-wide training row (what metadata kept beside a sample is keyed by).

    In vqa ``tokens`` are the question's. ``kind``: int64 (B,), the kind of question. ``answer``: int64 (B,
    K), a question's answers, -1 after the last, and ``score``: float32 (B, K), what each is worth, in 0 ..
    1. Where pictures come as regions, ``regions``: float32 (B, R, F), and ``boxes``: float32 (B, R, 4), x1 y1
    x2 y2 in parts of the picture's sides, take the place of ``image``.

    ``seed`` is equal on all ranks and differs from step to step; ``offset`` and ``total`` place this share in
    the global batch. A method that draws random numbers per sample draws them for all ``total`` samples from
    ``seed`` and keeps its own rows (:meth:`draw`), so that two ranks of B do what one rank of 2B does.
    """

    image: Tensor | None
    tokens: Tensor
    label: Tensor
    row: Tensor
    seed: int = 0
    offset: int = 0
    total: int | None = None
    feature: Tensor | None = None
    kind: Tensor | None = None
    answer: Tensor | None = None
    score: Tensor | None = None
    regions: Tensor | None = None
    boxes: Tensor | None = None

    def __len__(self) -> int:
        return self.tokens.shape[0]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same batch on another device."""
        found = {k: v for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **{k: t.to(device, non_blocking=non_blocking) for k, t in found.items()})

    def draw(self, sample: Callable[[torch.Generator, int], Tensor]) -> Tensor:
        """This rank's rows of ``sample(generator, total)``, whose first axis is the global batch.

        The generator lives on the CPU, so that a CPU and a GPU run draw the same numbers.
        """
        total = len(self) if self.total is None else self.total
        drawn = sample(torch.Generator().manual_seed(self.seed), total)
        return drawn[self.offset : self.offset + len(self)].to(self.label.device)


@dataclass(frozen=True)
class Phase:
    """One stretch of optimisation inside a task.

    ``batch_size`` is the global batch: all ranks and accumulated micro-batches together count once per
    ``accumulate`` (see ``run.accumulate``). Fewer training rows make a smaller one: it never holds a row
    twice. ``data`` names the training set: ``task``, the task's own rows; ``seen``, the rows of every task so
    far (joint training); or ``memory``, the replay memory, which takes in the task before such a phase.
    ``replay``: ``none``; ``merge``, the memory's rows join the training set; or ``paired``, while there is a
    memory, each step is followed by one on a batch of it. ``group``: of all these, the rows of one object
    group alone (vqa). A phase without training rows is passed over.

    ``optimizer`` makes a fresh optimiser, and may set which parameters are trained; ``learning_rate(step,
    steps)`` is the factor on its base rate at step 0 .. steps - 1. ``clip``: the largest norm of a step's
    gradient, which is scaled down to it; None: any. ``patience``: epochs without a better validation score,
    over the tasks that the training set has samples of, after which the phase ends with its best weights; 0
    walks all epochs and keeps the last.
    """

    name: str
    epochs: int
    batch_size: int
    optimizer: Callable[[], torch.optim.Optimizer]
    learning_rate: Callable[[int, int], float]
    data: Literal["task", "seen", "memory"] = "task"
    replay: Literal["none", "merge", "paired"] = "merge"
    patience: int = 0
    group: int | None = None
    clip: float | None = None


@dataclass(frozen=True)
class Answers:
    """What a method says to B questions.

    ``texts``: an answer each. ``score``: float (B,), what each was chosen by, a logit or a log-probability;
    not finite where a number on the way to it was not. ``tasks``: where a method finds out which task a
    question is of, int64 (B,) by whatever it goes by (``image``, ``text``, ``fusion``).
    """

    texts: Sequence[str]
    score: Tensor
    tasks: Mapping[str, Tensor] = field(default_factory=dict)


class Method(nn.Module):
    """A continual-learning method.

    ``state_dict()`` after :meth:`finish_task` is everything that the next task needs: teachers that live for
    one task are made in :meth:`start_task` and dropped in :meth:`finish_task`.

    Subclasses set ``scenarios``, the ``Config`` dataclass (frozen; its defaults are the paper's) and, where
    the paper and the released code differ, ``presets``: name -> {field: value}, always holding ``paper``
    (empty) and ``reference`` (the released code's behaviour).

    ``frozen`` names the encoders that the method never trains. A frozen image encoder is not the method's
    business: it is fed ``batch.feature`` in the place of pixels, and its ``Config`` has the encoder as
    ``backbone``, a :class:`~methods.backbones.clip_config.ClipConfig`. ``queries``: it goes by what a frozen
    image-text model, its ``Config.backbone``, gives for picture, question and both; where these were encoded
    beforehand, ``batch.feature`` is float32 (B, 3, D) of them, beside the pixels.

    ``measures``: of a stream of questions, the paper whose own measures tell of the method (``vqacl``,
    ``triplet``).
    """

    scenarios: ClassVar[frozenset[Scenario]]
    frozen: ClassVar[frozenset[Literal["image", "text", "queries"]]] = frozenset()
    measures: ClassVar[str] = ""
    Config: ClassVar[type]
    """A frozen dataclass. The string below a field says what it is, for ``--explain`` and for the page of all
    keys. Its sentences ``Range: above 0.``, ``Paper: 0.07.`` and ``Released code: 0.1.`` are read as these
    facts."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "reference": {}}

    def __init__(self, config: Any, spec: InputSpec | ClassSpec) -> None:
        super().__init__()
        self.config = config
        self.spec = spec

    def start_task(self, task: Task) -> None:
        """Grow, snapshot the reference model. Called once before the task's first phase."""

    def phases(self, task: Task) -> Sequence[Phase]:
        """The task's stretches of optimisation, in order."""
        raise NotImplementedError

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Named scalar terms, weights applied; their sum is minimised.

        On several ranks each term is normalised so that its mean over ranks is the term of the global batch.
        """
        raise NotImplementedError

    def before_step(self, phase: Phase) -> None:
        """Called once before each optimiser step, whose loss is then asked for by micro-batch
        (``run.accumulate``): a momentum update, ahead of the teacher's forward.

        What a method keeps from step to step and :meth:`loss` changes must decay once between two calls.
        """

    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        """Prototypes, freezing, dropping teachers. ``data()`` walks the task's training set once,
        unaugmented.
        """

    def embed(self, batch: Batch, kind: Literal["image", "text", "pair"]) -> Tensor:
        """Unit rows (B, D) for retrieval and for ranking exemplars: of pictures, of texts, or of both
        together. A recognition method has ``image``, in the space of :meth:`class_features`.
        """
        raise NotImplementedError

    @property
    def eval_batch_size(self) -> int | None:
        """Pictures that are scored together, where scores depend on the others in the batch; None: any
        number."""
        return None

    def predict(self, batch: Batch, classes: range) -> Tensor:
        """Logits (B, len(classes)) of the classes ``classes``, perhaps some that have not been learnt."""
        return self.sample(batch, classes).mean(0)

    def sample(self, batch: Batch, classes: range) -> Tensor:
        """Logits (M, B, len(classes)) of M samples of a stochastic classifier; M = 1 of any other.

        What is drawn is a function of ``batch.seed``.
        """
        raise NotImplementedError

    def class_features(self, batch: Batch, classes: range) -> Tensor:
        """Rows (len(classes), D) that pictures are compared with: expected values of what is drawn, means
        over the batch of what depends on it.
        """
        raise NotImplementedError

    def answer(self, batch: Batch) -> Answers:
        """Answers to a batch of questions (vqa), without looking at kind, answers or scores."""
        raise NotImplementedError
