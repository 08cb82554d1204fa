import gc

import pytest

from methods.common.importing import importing


@pytest.mark.parametrize("enabled", [True, False])
def test_nothing_is_collected_within_it_and_afterwards_it_is_as_before(enabled):
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(ImportError), importing():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
