"""Tune's callbacks, handed on to the bridge of the sweep."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from ray import tune

from .result_keys import TRIAL

if TYPE_CHECKING:
    from .tune_bridge import TuneBridge


class TuneCallback(tune.Callback):
    """Has the bridge look at the lanes at each step of Tune's loop, and ends the loop once the bridge says
    so.

    Tune takes SIGUSR1 for itself as it begins, for a request to end. Here the command keeps it, and Tune's
    own handler is called in its place. Tune pickles its callbacks, and nobody reads the pickles: there is
    nothing in them.
    """

    def __init__(self, bridge: TuneBridge) -> None:
        self._bridge = bridge
        self._usual = signal.getsignal(signal.SIGUSR1)
        self._end_tune: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_step_begin(self, iteration: int, trials: list[Any], **_: Any) -> None:
        if (found := signal.getsignal(signal.SIGUSR1)) != self._usual:
            self._end_tune = found
            signal.signal(signal.SIGUSR1, self._usual)

    def on_step_end(self, iteration: int, trials: list[Any], **_: Any) -> None:
        self._bridge.look()
        if self._bridge.over:
            self._end_tune(signal.SIGUSR1, None)  # its trials stay unfinished

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        values = dict(trial.config)
        which = values.pop(TRIAL)
        self._bridge.start(which["id"], values, which["number"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        self._bridge.closed(trial.config[TRIAL]["id"])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        self._bridge.died(trial.config[TRIAL]["id"])
