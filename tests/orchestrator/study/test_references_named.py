"""What a reference's name follows from, and which run of another version is shown. They are played."""

import json

import pytest

from orchestrator.references import derived_reference as reference
from orchestrator.study.study_start import StudyStart

pytestmark = pytest.mark.unit

_TWO = {"digits": None, "seeded": {"name": "digits", "set": {"stream.seed": 3}}}


def _names(study):
    return [one.name(1) for one in study.references]


def test_what_lies_where_a_command_is_typed_is_no_part_of_a_name(played, tmp_path, monkeypatch):
    """An empty value, as ``image-folder`` has some, is this folder to Python, and a word may be a folder."""
    empty = {"stream.names": "", "method.backbone.weights": "", "method.backbone.image_weights": "random"}
    telling = reference._telling
    monkeypatch.setattr(reference, "_telling", lambda config: telling(config) | empty)
    before = _names(played.new(references=["finetune"]).study)
    for word in ("clip-finetune", "reservoir", "fp32", "random"):
        (tmp_path / word).mkdir()
    assert _names(played.new(references=["finetune"]).study) == before


def test_the_reference_of_another_stream_is_not_shown_as_one_of_another_version(played, tmp_path):
    """The streams have one name and one content. The second one's reference has not ended."""
    asked = {"streams": _TWO, "references": ["joint"], "pairs": 1}
    first, second = _names(played.new(**asked).study)
    assert played.begun(**asked)[0] == 0
    book, parts = tmp_path / "runs" / "s" / "parts.json", played.parts()
    assert parts[first]["content"] == parts.pop(second)["content"]
    book.write_text(json.dumps(json.loads(book.read_text()) | {"parts": parts}))
    told = StudyStart.recorded("s", lambda line: None).report()
    assert "is shown as another version made it" not in told and told.count("| joint | 1 |") == 1
