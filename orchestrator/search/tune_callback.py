"""Passes Tune's callbacks on to the bridge of the sweep."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from ray import tune

from .result_keys import TRIAL

if TYPE_CHECKING:
    from .tune_bridge import TuneBridge


class EndOfTune(Exception):
    """Tune has to end, and takes no signals."""


class TuneCallback(tune.Callback):
    """Lets the bridge look at the lanes at each step of Tune's loop, and ends the loop once the bridge says
    so.

    When Tune begins, it takes SIGUSR1 as its own request to end. Here the command keeps the signal, and calls
    Tune's handler where Tune has to end. Outside the main thread Tune takes no signal, and an
    :class:`EndOfTune` ends it. Tune pickles its callbacks but never reads the pickles, so that they
    are empty.
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
            if self._end_tune is None:
                raise EndOfTune
            self._end_tune(signal.SIGUSR1, None)  # its trials stay unfinished

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        values = dict(trial.config)
        which = values.pop(TRIAL)
        self._bridge.start(which["id"], values, which["number"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        self._bridge.closed(trial.config[TRIAL]["id"])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        self._bridge.died(trial.config[TRIAL]["id"])
