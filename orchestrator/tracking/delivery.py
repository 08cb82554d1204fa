"""Sends the journal to an MLflow store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..storage.full_disk import is_full
from .journal import Journal
from .record_writer import RecordWriter
from .store import artifact_location, database_of, without_password
from .store_client import opened_client
from .store_runs import StoreRuns
from .view import page_path

# Without this tag MLflow shows a run's page among the evaluations of language models.
_KIND = {"mlflow.experimentKind": "custom_model_development"}
_FINAL = ("INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST")
_SENT = "orchestrator.sent"  # a tag of a sweep's run: up to which byte of the journal the store has it


class Delivery:
    """Sends a journal's records in order, and notes after each one how far the store has come.

    Every record can be sent twice without harm: runs are found by a key tag, and points carry the journal's
    time. Therefore a crash between sending and noting duplicates nothing. How far the store has come is noted
    beside the journal and in the store itself. Where a store lacks records that the journal says it has, they
    are sent again. A record that a store refuses is set aside, and the rest is sent.

    Attributes:
        journal: The journal.
        uri: The store's address, which may hold a password.
        store: The store's address without a password.
        sent: How many records were sent.
        said: One line for each entry in the store that had changed since it was sent.
        lost: Whether this process cannot deliver anything any more.
    """

    def __init__(self, journal: Journal, uri: str, experiment: str, key: str) -> None:
        self.journal = journal
        self.uri = uri
        self.store = without_password(uri)
        self.sent = 0
        self.said: list[str] = []
        self.lost = False
        self._why: dict[int, str] = {}
        self._experiment = experiment
        self._key = key
        self._client: Any = None
        self._database: tuple[int, int] | None = None
        self._experiment_id = ""
        self._runs: StoreRuns  # these two are set with the client
        self._writer: RecordWriter

    @property
    def rejected(self) -> list[str]:
        """One line for each record that the store refused."""
        aside = self.journal.aside(self.store)
        return [self._why.get(begin, "a record that was refused before") for begin in aside]

    def pump(self) -> None:
        """Sends all that is unsent.

        An exception of any type means that no more was sent, and that it may be tried again later.

        Raises:
            UserError: Another process sends this journal; or the open database was removed, so that its
                records would be lost. The message is one line.
            Exception: Whatever MLflow raises.
        """
        if not self.journal.hold():
            raise UserError(f"another process is sending {self.journal.path}")
        looked = self._client is None
        if self._client is None:
            self._connect()
        elif database_of(self.uri) != self._database:
            # An open database that was removed still takes records, but they are lost.
            self.journal.mark_sent(self.store, 0, ())
            self.lost = True
            raise UserError(f"{self.store} was removed or replaced while it was written to")
        first = begin = self.journal.sent(self.store)
        while (line := next(self.journal.read(begin), None)) is not None:
            record, end = line
            refused = record["op"] != "open" and self._refused(record, begin)
            if refused and not looked:
                looked = True
                if self._compare():  # an entry that the record needs was removed from the store
                    begin = self.journal.sent(self.store)
                    continue
            aside = self.journal.aside(self.store) + ([begin] if refused else [])
            self.journal.mark_sent(self.store, end, aside)
            begin = end
        if begin != first:
            self._note(begin)

    def retry(self) -> None:
        """Sends what the store refused once more, after :meth:`pump`. It raises the same exceptions."""
        for begin in self.journal.aside(self.store):
            unsent = next(self.journal.read(begin), None)
            if unsent is None or not self._refused(unsent[0], begin):
                left = [other for other in self.journal.aside(self.store) if other != begin]
                self.journal.mark_sent(self.store, self.journal.sent(self.store), left)

    def _refused(self, record: Mapping[str, Any], begin: int) -> bool:
        """Sends a record and returns whether the store refused it, so that the records after it need not
        wait.
        """
        try:
            self._writer.write(record)
        except Exception as error:
            # Nothing depends on a file, so that it may come later than the rest, or never.
            file = record["op"] in ("artifact", "text") and not is_full(error)
            if not (file or _is_final(error)):
                raise
            what = f"{record['op']} of {record['run'] or 'the sweep'}"
            self._why[begin] = f"{what}: {self.explain(error)}"
            return True
        self.sent += 1
        return False

    def explain(self, error: Exception) -> str:
        """``error`` in one line, without the password that an address may hold."""
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        return line.replace(self.uri, self.store)[:300]

    def page(self) -> str:
        """The path of the run's comparison page on its server; the path of the first page until the store was
        reached.
        """
        return page_path(self._experiment_id, self._key) if self._experiment_id else "/"

    def _connect(self) -> None:
        with opened_client(self.uri, self.journal.folder.parent, self._experiment) as client:
            self._client = client
            try:
                self._compare()
            except BaseException:
                self._client = None
                raise
        self._database = database_of(self.uri)

    def _compare(self) -> bool:
        """Finds the experiment, and how far the store really has come. Restores what was deleted. Returns
        whether anything in the store had changed.
        """
        experiment = self._client.get_experiment_by_name(self._experiment)
        changed = experiment is not None and experiment.lifecycle_stage == "deleted"
        if experiment is None:
            location = artifact_location(self.journal.folder.parent, self.uri)
            self._experiment_id = self._client.create_experiment(self._experiment, location, _KIND)
        else:
            self._experiment_id = experiment.experiment_id
        if changed:
            self._client.restore_experiment(self._experiment_id)
            self.said.append(f"the experiment {self._experiment!r} had been deleted there; it was restored")
        runs = self._runs = StoreRuns(self._client, self._experiment_id, self._key, self.store)
        self._writer = RecordWriter(
            self._client, runs, self._experiment_id, self._key, self.journal.folder, self.uri
        )
        there = runs.there()
        deleted = [run for run in there.values() if run.info.lifecycle_stage == "deleted"]
        for run in deleted:
            self._client.restore_run(run.info.run_id)
        if deleted:
            self.said.append(f"{len(deleted)} run(s) had been deleted there; they were restored")
        return self._believe(there) or changed or bool(deleted)

    def _believe(self, there: Mapping[str, Any]) -> bool:
        """Goes back in the journal to where the store has lost something, by the runs ``there`` that it has.
        Returns whether it has lost anything.
        """
        sent, aside = self.journal.sent(self.store), self.journal.aside(self.store)
        started, begin = set(), 0
        for record, end in self.journal.read():
            if record["op"] == "start" and end <= sent and begin not in aside:
                started.add(self._runs.tag(record["run"]))
            begin = end
        if not started:
            return False
        has, parent = 0, there.get(self._runs.tag(""))
        if started <= there.keys() and parent is not None:
            told = parent.data.tags.get(_SENT, "")
            noted = int(told) if told.isdigit() else 0
            # Records that were sent after the last note count as long as the store has that note.
            has = sent if noted >= self.journal.noted(self.store) else noted
        if has == sent:
            return False
        self.journal.mark_sent(self.store, has, [begin for begin in aside if begin < has])
        self.said.append("it lacked part of what it had been sent; that was sent again")
        return True

    def _note(self, sent: int) -> None:
        """Notes in the store itself how far it has come."""
        try:
            self._client.set_tag(self._runs.of(""), _SENT, str(sent))
        except Exception as error:
            if not _is_final(error):
                raise
        else:
            self.journal.mark_noted(self.store, sent)


def _is_final(error: Exception) -> bool:
    """Whether sending again can never help, because the store understood and refused, or the file does not
    exist.
    """
    if isinstance(error, (LookupError, FileNotFoundError, ImportError)):
        return True
    return getattr(error, "error_code", None) in _FINAL
