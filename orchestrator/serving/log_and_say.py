"""``python -m orchestrator.tracking model``: logs a trial as a model, and says how to use it."""

from __future__ import annotations

from ..schema.shown import shown_bytes


def log_and_say(run: str, trial: str | None, gallery: str | None, register: str | None) -> int:
    """Prints the model's address and the command that answers its example of a request.

    Args:
        run: The run's name, or its folder.
        trial: The trial's id; None: the best one on validation data.
        gallery: See :func:`orchestrator.api.log_model`.
        register: See :func:`orchestrator.api.log_model`.

    Returns:
        The exit status, 0.

    Raises:
        UserError: The trial cannot be logged. The message is one line.
    """
    from .log_trial import log_trial

    logged = log_trial(run, trial, gallery, register)
    how = "is logged as" if logged.new else "was logged before as"
    print(f"{logged.run}, {logged.trial}: {how} models:/{logged.id} ({shown_bytes(logged.bytes)})")
    if logged.version is not None:
        print(f"  it is version {logged.version} of {logged.registered} in the registry")
    asks = "the example that MLflow keeps with it" if logged.request else "what lies in request.json"
    print(f"  this asks it {asks}: {logged.command}")
    return 0
