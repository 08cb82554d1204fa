"""The contract that every method and baseline implements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

Scenario = Literal["recognition", "vqa", "retrieval"]


@dataclass(frozen=True)
class Task:
    """A task as a method sees it: its position in the stream, never its data.

    Attributes:
        index: The task's number, from 0.
        total: The number of tasks of the stream.
        classes: In recognition, the classes that the task adds. Classes are numbered in the order in which
            they arrive, so that the classes of tasks 0 .. t together are ``range(task.classes.stop)``.
        groups: In vqa, the object groups of its training questions, in the order in which a method with an
            inner sequence takes them.
        answers: In vqa, the answers of its training questions: ascending indices into
            ``QuestionSpec.answers``.
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

    The four ids are the tokenizer's, each in ``0 .. vocab_size - 1``.

    Attributes:
        image_size: The side of the square pictures, in pixels.
        max_tokens: L, the length of token rows, special tokens included.
    """

    image_size: int
    max_tokens: int
    vocab_size: int
    pad_id: int
    cls_id: int
    sep_id: int
    mask_id: int


@dataclass(frozen=True)
class CaptionSpec(InputSpec):
    """What a retrieval method must know of its inputs.

    Attributes:
        detokenize: Maps token ids to text, without special tokens.
    """

    detokenize: Callable[[Sequence[int]], str]


@dataclass(frozen=True, eq=False)
class ClassSpec:
    """What a recognition method must know of its classes: all classes of the stream, in the order of arrival.

    Methods look at classes that have arrived. They look at others only to be scored on what they have not
    learnt.

    Attributes:
        names: C class names.
        templates: T prompts, each with one ``{}``.
        text: float32 (C, T, D), unit rows: what the frozen text encoder gives for each name in each template.
        scale: The exponential of CLIP's ``logit_scale``.
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

    Attributes:
        answers: The A different answers that may be learnt.
        answer_tokens: int64 (A, L_a), a token row for each answer: its tokens, [SEP], then [PAD].
        kinds: The names of the kinds of question.
        objects: The names of the pictures' object categories.
        groups: The names of the groups of these categories.
        group_of: The group of each object.
        regions: (R, F), the number of regions of a picture and the width of their features, where pictures
            come as ``Batch.regions``; None where pictures come as pixels.
        detokenize: Maps token ids to text, without special tokens.
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

    A method that draws random numbers for each sample draws them for all ``total`` samples from ``seed`` and
    keeps its own rows (:meth:`draw`). Two ranks of B then do what one rank of 2B does.

    Attributes:
        image: uint8 (B, 3, S, S), already augmented; a backbone normalises it. None where ``feature`` or
            ``regions`` takes its place.
        tokens: int64 (B, L), [CLS] first and [PAD] after the end; L is 0 where pictures have no texts. In vqa
            these are the question's.
        label: int64 (B,), the stream-wide category: in recognition the class, in vqa the object that the
            picture shows.
        row: int64 (B,), the stream-wide training row (metadata that is kept beside a sample has it as its
            key).
        feature: float32 (B, D), unit rows that the frozen image encoder gives for ``image``. For ``queries``
            (see :class:`Method`) it is (B, 3, D), and the picture stays. For ``pairs`` it is (B, 2, D).
        kind: In vqa, int64 (B,), the kind of question.
        answer: In vqa, int64 (B, K), a question's answers, -1 after the last.
        score: In vqa, float32 (B, K), what each answer is worth, in 0 .. 1.
        regions: float32 (B, R, F), in the place of ``image`` where pictures come as regions.
        boxes: float32 (B, R, 4), the regions' x1 y1 x2 y2 in parts of the picture's sides.
        weight: float32 (B,), each sample's factor in the loss, in a phase whose ``replay`` is ``weighted``.
            Their mean over the phase's training rows is 1. None: samples weigh alike.
        kept: float32 (B, ...), what the method's :meth:`Method.keep` gave for samples of the memory. It is
            NaN for other samples, and where a sample had no such entry. None: no sample of the batch is of
            the memory, or the method keeps nothing.
        seed: It is equal on all ranks and differs from step to step.
        offset: The index of this share's first sample in the global batch.
        total: The size of the global batch.
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
    weight: Tensor | None = None
    kept: Tensor | None = None

    def __len__(self) -> int:
        return self.tokens.shape[0]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """Returns the same batch on another device.

        Args:
            device: The device.
            non_blocking: As of ``Tensor.to``.
        """
        tensors = {k: v for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **{k: t.to(device, non_blocking=non_blocking) for k, t in tensors.items()})

    def draw(self, sample: Callable[[torch.Generator, int], Tensor]) -> Tensor:
        """Returns this rank's rows of ``sample(generator, total)``, whose first axis is the global batch.

        The generator lives on the CPU, so that a CPU run and a GPU run draw the same numbers.
        """
        total = len(self) if self.total is None else self.total
        drawn = sample(torch.Generator().manual_seed(self.seed), total)
        return drawn[self.offset : self.offset + len(self)].to(self.label.device)


@dataclass(frozen=True)
class Phase:
    """One stretch of optimisation inside a task. A phase without training rows is passed over.

    Attributes:
        optimizer: Makes a fresh optimiser. It may set which parameters are trained.
        batch_size: The global batch: all ranks and accumulated micro-batches together count once per
            ``accumulate`` (see ``run.accumulate``). Fewer training rows make a smaller batch: it never holds
            a row twice.
        data: The training set. ``task``: the task's own rows. ``seen``: the rows of every task so far (joint
            training). ``all``: the rows of every task of the stream, also of those to come. ``memory``: the
            replay memory, which takes in the task before such a phase.
        replay: ``none``. ``merge``: the memory's rows join the training set. ``paired``: while there is a
            memory, each step is followed by a step on a batch of it. ``weighted``: as ``merge``, and batches
            have ``Batch.weight``, by which the training set's classes (recognition), tasks (retrieval), or
            object groups of each task (vqa) have equal parts in the loss.
        group: In vqa, only the rows of this object group are used; None: all rows.
        keep_last: Whether an epoch ends with a smaller batch of the rows that fill no batch, as far as ranks
            and micro-batches can share them equally. Otherwise these rows are left out.
        learning_rate: ``learning_rate(step, steps)`` is the factor on the optimiser's base rate at step 0 ..
            steps - 1.
        clip: The largest norm of a step's gradient, to which a larger one is scaled down; None: any.
        patience: The phase ends with its best weights after so many epochs without a better validation score,
            over the tasks that the training set has samples of. 0: all epochs are walked, and the last
            weights are kept.
    """

    name: str
    epochs: int
    batch_size: int
    optimizer: Callable[[], torch.optim.Optimizer]
    learning_rate: Callable[[int, int], float]
    data: Literal["task", "seen", "all", "memory"] = "task"
    replay: Literal["none", "merge", "paired", "weighted"] = "merge"
    patience: int = 0
    group: int | None = None
    clip: float | None = None
    keep_last: bool = False


@dataclass(frozen=True)
class Pass:
    """One walk over samples without a step inside a task, for what follows from sums over samples.

    :meth:`Method.observe` gets each sample exactly once, unaugmented. Whole batches are dealt to the ranks,
    and a rank may have none.

    Attributes:
        data: ``task``: the task's own rows. ``memory``: the replay memory, which takes in the task before
            such a pass.
        batch_size: How many samples are shown together, where that changes the result; None: as many as
            evaluation takes.
    """

    name: str
    data: Literal["task", "memory"] = "task"
    batch_size: int | None = None


@dataclass(frozen=True)
class Answers:
    """A method's answers to B questions.

    Attributes:
        texts: An answer to each question.
        score: float (B,), by which each answer was chosen: a logit or a log-probability. It is not finite
            where a number on the way to it was not.
        tasks: Where a method finds out which task a question belongs to: int64 (B,) by the clue that it goes
            by (``image``, ``text``, ``fusion``).
    """

    texts: Sequence[str]
    score: Tensor
    tasks: Mapping[str, Tensor] = field(default_factory=dict)


class Method(nn.Module):
    """A continual-learning method.

    ``state_dict()`` after :meth:`finish_task` is everything that the next task needs. Teachers that live for
    one task are made in :meth:`start_task` and dropped in :meth:`finish_task`.

    A subclass sets ``scenarios`` and the ``Config`` dataclass, which is frozen and has the paper's values as
    defaults. Where the paper and the released code differ, it also sets ``presets``: name -> {field: value}.
    These always hold ``paper`` (empty) and ``reference`` (the released code's behaviour). Where the defaults
    are not the paper's, as a baseline's may be, ``paper`` has the paper's values and another one is empty.

    ``frozen`` names the encoders that the method never trains. With a frozen image encoder, the method gets
    ``batch.feature`` in the place of pixels, and its ``Config`` has the encoder as ``backbone``, a
    :class:`~methods.backbones.clip_config.ClipConfig`. With ``queries``, the method goes by what a frozen
    image-text model, its ``Config.backbone``, gives for picture, question and both. Where these queries were
    encoded beforehand, ``batch.feature`` has them beside the pixels, float32 (B, 3, D). With ``pairs``, the
    method goes by nothing but what two frozen towers, its ``Config.backbone``, give for picture and text,
    each alone. Where these rows were encoded beforehand, ``batch.feature`` has them in the place of pixels,
    float32 (B, 2, D).

    ``keeps`` says that the replay memory keeps something of the method's own beside each sample
    (:meth:`keep`).

    ``whole_stream`` says that a task trains on data of tasks to come, as joint training in one go does. Such
    a method cannot be taught more tasks later.

    ``measures`` names, for a stream of questions, the paper whose own measures describe the method
    (``vqacl``, ``triplet``).

    Args:
        config: The method's hyper-parameters, an instance of ``Config``.
        spec: What the method must know of its inputs.
    """

    scenarios: ClassVar[frozenset[Scenario]]
    frozen: ClassVar[frozenset[Literal["image", "text", "queries", "pairs"]]] = frozenset()
    whole_stream: ClassVar[bool] = False
    measures: ClassVar[str] = ""
    keeps: ClassVar[bool] = False
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
        """Grows the method and makes the reference model. It is called once, before the task's
        first phase.
        """

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        """Returns the task's stretches of optimisation, and its passes without gradients, in order."""
        raise NotImplementedError

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Returns named scalar terms with their weights applied. Their sum is minimised.

        On several ranks each term is normalised so that its mean over ranks is the term of the global batch.

        Args:
            batch: This rank's share of the batch.
            phase: The phase under way.
        """
        raise NotImplementedError

    def observe(self, batch: Batch, step: Pass) -> None:
        """Takes in some samples of a pass.

        Sums over samples have to be summed over ranks as well, once, in :meth:`finish_task`.

        Args:
            batch: Samples that no other call of the pass has, on any rank. Its ``row`` counts within the
                pass.
            step: The pass under way.
        """
        raise NotImplementedError

    def before_step(self, phase: Phase) -> None:
        """Updates a momentum model. It is called once before each optimiser step, ahead of a teacher's
        forward pass.

        The step's loss is then asked for once for each micro-batch (``run.accumulate``). State that a method
        keeps from step to step and that :meth:`loss` changes must decay once between two calls.
        """

    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        """Makes prototypes, freezes parts, and drops teachers.

        Args:
            task: The task that ends.
            data: ``data()`` walks the task's training set once, unaugmented.
        """

    def embed(self, batch: Batch, kind: Literal["image", "text", "pair"]) -> Tensor:
        """Returns unit rows (B, D), for retrieval and for ranking exemplars.

        Args:
            batch: The samples.
            kind: What is embedded: pictures, texts, or both together. A recognition method has ``image``, in
                the space of :meth:`class_features`.

        Raises:
            ValueError: The method does not have this ``kind``. The message is one line.
        """
        raise NotImplementedError

    def keep(self, batch: Batch) -> Tensor:
        """Returns what the memory keeps beside each sample from when it takes the sample in: stored logits.

        It is asked for once a sample, with the model as it is then, unaugmented, and comes back as
        ``Batch.kept`` where the sample is replayed. Its bytes count as the memory's.

        Args:
            batch: Samples that the memory takes in.

        Returns:
            float (B, ...). The number of axes is always the same. Sizes may grow from task to task.
        """
        raise NotImplementedError

    @classmethod
    def checkpoint_bytes(cls, config: Any, spec: InputSpec | ClassSpec, tasks: int) -> int | None:
        """Returns about how many bytes of weights the checkpoint after the last task holds.

        It is asked before a run begins, so that it follows from sizes alone: nothing is made or read.

        Args:
            config: An instance of ``Config``.
            spec: As of the constructor. The ``text`` of a :class:`ClassSpec` may hold no data.
            tasks: How many tasks there are.

        Returns:
            The bytes; None where they are few, or not known.
        """
        return None

    @property
    def eval_batch_size(self) -> int | None:
        """The number of pictures that are scored together, where scores depend on the other pictures in the
        batch; None for any number.
        """
        return None

    def predict(self, batch: Batch, classes: range) -> Tensor:
        """Returns the logits of some classes.

        Args:
            batch: The samples.
            classes: The classes, some of which may not have been learnt.

        Returns:
            (B, len(classes)).
        """
        return self.sample(batch, classes).mean(0)

    def sample(self, batch: Batch, classes: range) -> Tensor:
        """Returns logits in M samples of a stochastic classifier; M = 1 for any other classifier.

        The draws are a function of ``batch.seed``.

        Args:
            batch: The samples.
            classes: The classes.

        Returns:
            (M, B, len(classes)).
        """
        raise NotImplementedError

    def class_features(self, batch: Batch, classes: range) -> Tensor:
        """Returns the rows that pictures are compared with.

        They are expected values of what is drawn, and means over the batch of what depends on the batch.

        Args:
            batch: The samples.
            classes: The classes.

        Returns:
            (len(classes), D).
        """
        raise NotImplementedError

    def answer(self, batch: Batch) -> Answers:
        """Answers a batch of questions (vqa) without looking at kind, answers or scores.

        Raises:
            ValueError: The method cannot answer anything yet. The message is one line.
        """
        raise NotImplementedError
