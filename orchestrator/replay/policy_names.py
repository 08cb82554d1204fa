"""The names of the selection policies, for a configuration, which knows no policy itself."""

_BY_LOGITS = ("logit-herding", "entropy", "distance", "energy", "variance")

POLICY_NAMES = ("reservoir", "random", "balanced", "herding", "first", *_BY_LOGITS)
"""The names in :data:`~orchestrator.replay.policies.POLICIES`, in their order."""

BY_LOGITS = frozenset(_BY_LOGITS)
"""Policies that ask the trial's model for logits. Only recognition has logits."""

BY_CLASS = BY_LOGITS | {"first"}
"""Policies that give all classes equal shares, whatever ``balance_by`` says."""
