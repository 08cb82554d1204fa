"""Defines each metric in the words of the pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """One row of a table of metrics.

    Args:
        names: The metrics that the row defines, without their split. ``task_01`` stands for each task.
        text: Their definition.
        source: Where the definition is from; empty where it is the scenario's common one.
        each: Whether there is one such metric for each task, kind or group.
    """

    names: tuple[str, ...]
    text: str
    source: str = ""
    each: bool = False


DEFINITIONS: dict[str, tuple[Definition, ...]] = {
    "matrix": (
        Definition(
            ("task_01/r_mean", "task_01/accuracy"), "the last row of R, one metric for each task", each=True
        ),
        Definition(
            ("average",),
            "the mean of the last row. In recognition it is weighted by the tasks' pictures: the accuracy on "
            "all pictures so far. Elsewhere each task counts alike",
            "in recognition the accuracy of Rebuffi et al., iCaRL (2017); elsewhere ACC, Lopez-Paz and "
            "Ranzato, GEM (2017)",
        ),
        Definition(
            ("average_over_time",),
            "the mean over t of `average` after task t",
            "average incremental accuracy, iCaRL",
        ),
        Definition(
            ("unweighted_average", "unweighted_average_over_time"),
            "in recognition, the same with each task counted alike, however many pictures it has",
            "ACC, GEM; CLAP4CLIP's Last and Avg (Jha et al., 2024)",
        ),
        Definition(
            ("learning_accuracy",),
            "the mean of R[k, k]: how well each task was learnt when it came",
            "Riemer et al., MER (2019)",
        ),
        Definition(
            ("forgetting",),
            "the mean over k < T of max(R[k, k] .. R[T-1, k]) - R[T, k]. More is worse. Below 0 a task "
            "ended better than it ever was before",
            "Chaudhry et al., RWalk (2018)",
        ),
        Definition(
            ("task_aware_forgetting",),
            "the same where each score is among the task's own candidates: its classes in recognition, "
            "its pictures and captions in retrieval. A model that never changes has 0. There is none of "
            "questions",
        ),
        Definition(
            ("backward_transfer",),
            "the mean over k < T of R[T, k] - R[k, k]. Below 0 tasks were forgotten",
            "GEM",
        ),
        Definition(
            ("forward_transfer",),
            "the mean over k > 1 of R[k-1, k] minus the untrained model's score on task k. Test alone",
            "GEM",
        ),
    ),
    "references": (
        Definition(
            ("forward_transfer_zero_shot",),
            "the mean over k > 1 of R[k-1, k] - Z[k-1, k], where Z is of zero-shot: what training on the "
            "tasks before made of the pretrained model's score on a task to come. Below 0 it lost",
            "GEM, with the pretrained model for its random one",
        ),
        Definition(
            ("forward_transfer_independent",),
            "the mean over k > 1 of R[k, k] - I[k, k], where I[k, k] is of a new model that was trained on "
            "task k alone: what the tasks before made of the learning of a new one",
            "FWT, Wang et al., A comprehensive survey of continual learning (2024); of the last task alone "
            "Veniat et al., CTrL (2021)",
        ),
        Definition(
            ("forgetting_independent",),
            "the mean over k < T of I[k, k] - R[T, k]: `forgetting`, with what independent training reaches "
            "in the place of the best that the task ever was. More is worse. What was never learnt counts",
            "each task's drop against a model of its own, Maninis et al. (2019), in points",
        ),
        Definition(
            ("intransigence",),
            "the mean over all k of J[k, k] - R[k, k], where J[k, k] is of a new model that was trained on "
            "tasks 1 .. k at once: how much worse a task is learnt when it comes. More is worse",
            "IM, Chaudhry et al., RWalk (2018), there of each task",
        ),
        Definition(
            ("intransigence_once",),
            "the same with one model that was trained on all tasks at once, those to come among them, as "
            "CTP's JointT. More is worse",
        ),
    ),
    "retrieval": (
        Definition(
            ("seen/txt_r1", "seen/txt_r5", "seen/txt_r10"),
            "how often one of a picture's captions is among the 1, 5 or 10 nearest, over the union of all "
            "tasks so far",
        ),
        Definition(("seen/img_r1", "seen/img_r5", "seen/img_r10"), "the same from a caption to its picture"),
        Definition(
            ("seen/r_mean",),
            "R_m, the mean of these six. CTP's paper reports it, and a search goes by it",
            "Zhu et al., CTP (2023)",
        ),
        Definition(
            ("task_01/r_mean",),
            "R_m within one task: its own pictures and captions alone compete",
            each=True,
        ),
        Definition(
            ("seen/map1", "seen/map5", "seen/map10"),
            "multi-modal retrieval: mean average precision of a query among the gallery, where an item of "
            "the same category is relevant. Test alone, where a stream has query and gallery",
            "Zhu et al., CTP (2023)",
        ),
        Definition(
            ("seen/map1_reference", "seen/map5_reference", "seen/map10_reference"),
            "the same as released: a query's own picture is taken out of the ten best, of which nine are "
            "left, but still counts among the relevant items, and those of tasks to come count too",
            "CTP's `product_evaluation.py`",
        ),
        Definition(
            ("ctp/own/task_01/r_mean", "ctp/own/task_01/map1"),
            "the model after task k over the union of tasks 1 .. k: what `seen/` was then. Of R_m, the mAPs "
            "and the mAPs as released. Test alone",
            "Zhu et al., CTP (2023)",
            each=True,
        ),
        Definition(
            ("ctp/last/task_01/r_mean", "ctp/last/task_01/map1"),
            "the last model over the same union of tasks 1 .. k. Test alone",
            "CTP's `eval.py`",
            each=True,
        ),
        Definition(
            ("ctp/bwt",),
            "CTP's backward transfer: the sum over k of `ctp/own/task_k/r_mean` - `ctp/last/task_k/r_mean`, "
            "divided by T - 1. **More is worse**: above 0 the tasks were forgotten. Test alone",
            "CTP's `eval.py`, which rounds what it adds up to two decimals",
        ),
        Definition(
            ("ctp/bwt_map1", "ctp/bwt_map1_reference"),
            "the same of mAP@1, and of mAP@1 as released",
            "CTP's `eval.py`",
        ),
    ),
    "recognition": (
        Definition(
            ("seen/accuracy",), "accuracy on all pictures of the tasks so far, among all classes so far"
        ),
        Definition(("task_01/accuracy",), "the same on one task's pictures", each=True),
        Definition(
            ("task_01/task_aware_accuracy",),
            "accuracy on one task's pictures, among its own classes alone",
            each=True,
        ),
        Definition(
            ("seen/ece",),
            "expected calibration error, 15 equal bins, over the whole data set",
            "Guo et al. (2017)",
        ),
        Definition(
            ("seen/ece_batch_mean",),
            "the mean over batches of each batch's calibration error. It grows as batches shrink",
            "CLAP4CLIP's code",
        ),
        Definition(
            ("unseen/accuracy",),
            "accuracy on the pictures of the tasks to come, among the classes not yet seen. There is none "
            "after the last task",
            'MMA\'s "new"',
        ),
        Definition(("harmonic_mean",), "2bn / (b + n) of `seen/accuracy` and `unseen/accuracy`"),
        Definition(
            ("detection/auroc", "detection/aupr"),
            "how well the energy of the logits tells pictures of classes not yet seen from those of classes "
            "seen",
        ),
        Definition(
            ("detection/fpr95",),
            "the part of the new pictures that is taken for known where 95 % of the known are recognised",
        ),
        Definition(
            ("drift/angle",),
            "the angle between a class's text feature and the mean feature of its pictures, in degrees, "
            "over all classes so far",
        ),
        Definition(("drift/task_01",), "the same over one task's classes", each=True),
        Definition(
            ("over_time/unseen/accuracy", "over_time/harmonic_mean", "over_time/detection/auroc"),
            "the mean over the models after tasks 1 .. T-1, since the last model leaves no class unseen. "
            "Test alone",
            each=True,
        ),
    ),
    "questions": (
        Definition(
            ("task_01/accuracy",),
            "mean soft accuracy of one task's questions: what the given answer is worth, 0 .. 1. With "
            "`stream.measure=wups` the mean WUPS",
            each=True,
        ),
        Definition(("seen/accuracy",), "the same of all questions so far"),
        Definition(("kind/NAME",), "the same by kind of question, after the last task"),
        Definition(("group/NAME",), "the same by group of objects, after the last task"),
        Definition(("cell/KIND/GROUP",), "the same by kind and group, after the last task"),
        Definition(
            ("novel/task_02",),
            "the same on one task's questions about the group that was held out (`novel-composition`)",
            each=True,
        ),
        Definition(("novel/accuracy",), "the mean of these over tasks"),
        Definition(
            ("recognition/image", "recognition/text", "recognition/fusion"),
            "how often the task of a question was found by picture, by words, by both (TRIPLET and its "
            "baselines)",
        ),
        Definition(
            ("vqacl/ap", "vqacl/forget"), "`average` and `forgetting` by VQACL's names", "Zhang et al. (2023)"
        ),
        Definition(
            ("vqacl/ap_6q", "vqacl/forget_6q"),
            "the same over six kinds of novel composition: location, count, action, color, type, subcategory",
            "Zhang et al. (2023)",
        ),
        Definition(
            ("vqacl/forget_6q_reference",),
            "`vqacl/forget_6q` as the released code has it: for each of the six kinds the forgetting of the "
            "task before it",
            "Zhang et al. (2023), released code",
        ),
        Definition(
            ("vqacl/novel_ap", "vqacl/novel_forget", "vqacl/novel_ap_6q", "vqacl/novel_forget_6q"),
            "the same on the group that was held out, from the second task on",
            "Zhang et al. (2023)",
        ),
        Definition(
            ("triplet/average_accuracy",),
            "A: the mean over t of the accuracy on all questions of tasks 1 .. t together",
            "Qian et al., TRIPLET (2023)",
        ),
        Definition(
            ("triplet/final_accuracy",),
            "the accuracy on all questions of all tasks, after the last task",
            "Qian et al. (2023)",
        ),
        Definition(
            ("triplet/forgetting",),
            "the mean over k < T of max(R[k, k] .. R[T, k]) - R[T, k]. The last row is among the best, so "
            "that it is never below 0",
            "Qian et al. (2023)",
        ),
    ),
    "per_task": (
        Definition(("per_task/learning_rate",), "the learning rate that was chosen for the task"),
        Definition(
            ("per_task/strength",),
            "the factor on the strengths with which the walk began; there is none where the method has none",
        ),
        Definition(
            ("per_task/finetuned",),
            "A*, the best score of finetuning on the task's own validation data, in percent",
            "De Lange et al. (2021)",
        ),
        Definition(("per_task/reached",), "the score on the same data with what was chosen"),
        Definition(("per_task/trainings",), "how often the task was trained"),
    ),
    "cost": (
        Definition(("train/TERM",), "the mean of a term of the loss over the task's steps"),
        Definition(("replay/items",), "the samples in the memory"),
        Definition(("replay/bytes",), "the bytes that their pictures and texts take"),
        Definition(
            ("parameters/trained",),
            "the parameters that an optimiser trained in the task, each counted once. What is computed from "
            "sums over samples, as a closed form, is no such parameter",
        ),
        Definition(
            ("gpus",),
            "the GPUs that the trial held in the task, a part of one where several trials share it; 0 on the "
            "CPU",
        ),
        Definition(
            ("memory/gpu_bytes",),
            "the most bytes that torch had allocated at once on the GPU of rank 0, in the task's training "
            "and evaluation; there is none on the CPU",
        ),
        Definition(
            ("flops/train",),
            "the floating-point operations of the task's steps, on all ranks: of each loss and its gradient, "
            "as torch counts them by shapes (2 m n k for a product of matrices; convolutions and attention "
            "likewise, all else 0). What frozen encoders compute beforehand, passes without steps and "
            "evaluation are not counted. There is none where no step was taken, as with a closed form, and "
            "where a part of the method is compiled",
        ),
        Definition(("seconds/train",), "seconds of the task's training, all of it"),
        Definition(("seconds/wait",), "the part of these seconds in which training waited for data"),
        Definition(
            ("seconds/evaluate", "seconds/checkpoint"),
            "seconds of evaluation, and of writing the checkpoint",
        ),
    ),
}
"""The table of each kind of metric, in the order of the page. T is the number of tasks done; R[t, k] is the
score on task k after training on task t, both counted from 1.
"""
