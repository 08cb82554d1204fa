"""A sweep's stream on its way into the object store: encoded where it can be, prepared, published."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import one_line
from ..features.frozen import asks_queries, frozen_backbone
from ..features.seen_in_pretraining import seen_in_pretraining
from ..object_store.memory_plan import memory_plan as plan_memory
from ..object_store.publish import publish
from ..object_store.shared_pickle import SharedPickle, pack
from ..object_store.shared_store import SharedStore
from ..storage.run_files import ENCODING_FOLDER, FEATURES_FOLDER, ORDERED_FOLDER, SHARED_FOLDER
from ..streams.prepare import prepare
from ..streams.size_remarks import size_remarks
from ..streams.stream import Stream
from ..streams.text.cut_captions import cut_captions
from ..streams.text.unknown_words import unknown_words
from .session_request import SessionRequest
from .throttle import Throttle


class SharedStream:
    """A sweep's stream, from its encoding to its end.

    Where the method's image encoder is frozen, the stream's features take the place of its pictures. The rows
    of two frozen towers do the same. The queries of a frozen model lie beside the pictures. They are encoded
    first, unless an earlier session left them in the folder ``features`` beside the run's.

    Args:
        request: The session's request.
        say: Prints a line of progress.

    Attributes:
        packed_stream: The published stream, packed; None as long as it is not published.
    """

    def __init__(self, request: SessionRequest, say: Callable[[str], None]) -> None:
        self.packed_stream: SharedPickle | None = None
        self._request = request
        self._folder = request.folder
        self._base = request.base
        self._source = request.source
        self._say = say
        self._stream: Stream | None = None
        self._files: dict[str, Path] = {}
        self._store: SharedStore | None = None

    def encode(self, *, here: bool = False) -> None:
        """Encodes what a frozen encoder gives, where the method has one. It comes before the lanes start,
        since these hold the CPUs and GPUs that encoding needs.

        Args:
            here: Whether it is done in this process, without CPUs or GPUs from Ray. That is enough for the
                texts of classes in another order, where the stream's pictures have been encoded.
        """
        base, source, root = self._base, self._source, self._folder.parent / FEATURES_FOLDER
        if not base.run.feature_cache or (frozen_backbone(base) is None and not asks_queries(base)):
            return
        from ..features.bank import open_bank
        from ..features.builder import encode_here
        from ..features.query_bank import open_query_bank
        from .encoding_pool import RayPool

        pool = encode_here if here else RayPool(base.run, self._folder / ENCODING_FOLDER, self._say)
        ordered = self._folder / ORDERED_FOLDER
        shutil.rmtree(ordered, ignore_errors=True)  # of a session that died
        if asks_queries(base):
            whole = prepare(source, self._request.tokenizer, base.run.skip_bad)
            queries = open_query_bank(base, source, whole, root, self._say, pool, ordered)
            self._stream, encoded = queries.stream(whole), queries.encoded
        else:
            bank = open_bank(base, source, root, self._say, pool, ordered)
            self._stream, encoded = bank.stream(source, base.run.skip_bad), bank.encoded
        self._files = encoded.files
        for (index, name), rows in encoded.left_out.items():
            split = f"{source.tasks[index].name}/{name}"
            self._say(f"left out: {len(rows)} record(s) of {split} whose picture cannot be read")

    def publish(self, store_bytes: int) -> SharedPickle:
        """Puts the stream into the object store, as far as it fits.

        Args:
            store_bytes: The store's size.

        Returns:
            The packed stream.

        Raises:
            UserError: The data to be shared do not fit, or cannot be read.
        """
        self._say_remarks()
        stream = self._prepare()
        for line in (cut_captions(stream), unknown_words(stream, self._request.tokenizer)):
            if line:
                self._say(line)
        plan = plan_memory(
            stream,
            largest=self._request.largest_memory,
            store_bytes=store_bytes,
            seeds=self._request.seeds,
            stream_in=self._base.run.stream_in,
            store=self._base.replay.store,
        )
        for line in plan.explain().splitlines():
            self._say(line)
        # What a session left that died: all of it is shared anew.
        shutil.rmtree(self._folder / SHARED_FOLDER, ignore_errors=True)
        self._store = SharedStore.start(self._folder / SHARED_FOLDER, self._request.identity.run)
        handle = publish(stream, self._store, plan, _Progress(self._say), self._files)
        for split, count in handle.skipped.items():
            self._say(f"left out: {count} record(s) of {split} whose picture cannot be read")
        self.packed_stream = pack(handle, self._store, "handle")
        return self.packed_stream

    def _say_remarks(self) -> None:
        for why, count in self._source.skipped.items():
            self._say(f"left out: {count} record(s): {why}")
        source = self._source
        sizes = size_remarks(source, self._request.largest_memory)
        for line in (*source.remarks, *seen_in_pretraining(self._base, source), *sizes):
            self._say(one_line(line))

    def _prepare(self) -> Stream:
        skip_bad = self._base.run.skip_bad
        if self._stream is not None:
            return self._stream
        if frozen_backbone(self._base) is not None:
            from ..features.bank import text_features

            return prepare(self._source, text_features(self._base, self._source), skip_bad)
        return prepare(self._source, self._request.tokenizer, skip_bad)

    def free(self, lost: bool) -> None:
        """Frees the store of what was shared, and the disk of its files. Only the first call does anything
        to the store.

        Args:
            lost: Whether Ray, and with it the store, has gone.
        """
        import ray

        store, self._store = self._store, None
        if store is not None and ray.is_initialized() and not lost:
            with suppress(Exception):  # a Ray that is going takes what is in its store along
                store.close(delete=False)
        for name in (SHARED_FOLDER, ORDERED_FOLDER):
            shutil.rmtree(self._folder / name, ignore_errors=True)


class _Progress:
    """Says how many pictures are in the store, at most every five seconds."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._due = Throttle(5.0, later=True)

    def __call__(self, done: int, total: int) -> None:
        if self._due():
            self._say(f"pictures read: {done} of {total}")
