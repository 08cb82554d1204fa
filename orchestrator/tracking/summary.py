"""Sums up the delivery of a record for the user."""

from __future__ import annotations

from dataclasses import dataclass

from .delivery import Delivery


@dataclass(frozen=True)
class Summary:
    """The result of a record's delivery.

    Attributes:
        sent: Records that were sent.
        unsent: Records that were not sent yet.
        rejected: Records that the store refused.
        message: For the user; empty when everything arrived.
    """

    sent: int
    unsent: int
    rejected: int
    message: str

    @classmethod
    def of(cls, delivery: Delivery, why: str, command: str) -> Summary:
        """The result of a delivery that has ended.

        Args:
            delivery: The delivery.
            why: Why records are unsent, where any are.
            command: The command that sends them.
        """
        unsent = delivery.journal.unsent(delivery.store)
        lines = [f"MLflow at {delivery.store}: {line}" for line in delivery.said]
        if unsent:
            lines.append(
                f"MLflow at {delivery.store}: {unsent} records are not there yet ({why}). "
                f"They are kept; send them with: {command}"
            )
        if refused := delivery.rejected:
            lines.append(
                f"MLflow did not take {len(refused)} record(s), the first: {refused[0]}. "
                f"They are kept; try again with: {command}"
            )
        return cls(delivery.sent, unsent, len(refused), "\n".join(lines))
