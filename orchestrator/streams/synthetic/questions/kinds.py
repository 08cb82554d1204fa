"""The kinds of question."""

KINDS = (
    "recognition",
    "location",
    "judge",
    "commonsense",
    "count",
    "action",
    "color",
    "type",
    "subcategory",
    "causal",
)
"""The ten kinds of VQACL, in the order of its outer tasks (Zhang et al., CVPR 2023; its code's
``Question_type.py``).
"""
