"""Describes what each selection policy keeps and how it divides the memory, in the words of the pages."""

_BY_CLASS = "equally among classes"

POLICY_HELP: dict[str, tuple[str, str]] = {
    "reservoir": ("a uniform sample of everything seen (Vitter's Algorithm R)", "not at all"),
    "random": (
        "a uniform sample of each group",
        "among tasks by their size; with `replay.balance_by=class`, among classes equally",
    ),
    "balanced": (
        "a uniform sample of each group; what a small group leaves over goes to the others",
        "equally among tasks, classes (`replay.balance_by=class`) or the object groups of each task "
        "(`replay.balance_by=group`)",
    ),
    "herding": (
        "the samples whose mean feature follows the mean of their group (Rebuffi et al., iCaRL, 2017)",
        "as `random`",
    ),
    "first": ("the first samples of each class in the order of the data", _BY_CLASS),
    "logit-herding": ("as `herding`, on the classifier's logits", _BY_CLASS),
    "entropy": ("the samples with the highest entropy of the predicted distribution", _BY_CLASS),
    "distance": ("the samples with the lowest logit of their own class", _BY_CLASS),
    "energy": ("the samples with the lowest logsumexp of the logits", _BY_CLASS),
    "variance": (
        "the samples with the lowest variance of the prediction over a classifier's draws (`clap4clip`)",
        _BY_CLASS,
    ),
}
"""The name of each policy -> what it keeps, and what it divides the memory among. The names are
:data:`~orchestrator.replay.policy_names.POLICY_NAMES`, in their order.
"""
