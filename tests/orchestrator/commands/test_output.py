"""What has no result to say as JSON."""

import pytest

from orchestrator import sweep
from orchestrator.errors import UserError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("key", [[], ["replay.size"]])
def test_an_explanation_is_no_json(key, capsys):
    with pytest.raises(
        UserError, match="^--json beside --explain: it starts nothing and has no result; allo"
    ):
        sweep.main(["slda", "--json", "--explain", *key])
    assert capsys.readouterr().out == ""
    assert sweep.main(["slda", "--quiet", "--explain", "replay.size"]) == 0
    assert "replay.size" in capsys.readouterr().out
