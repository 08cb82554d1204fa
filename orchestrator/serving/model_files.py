"""The files of a trial that a model of MLflow keeps."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..config import RunConfig
from ..errors import UserError
from ..storage.run_files import CONFIG_FILE, TASKS_FILE, TOKENIZER_FOLDER
from ..streams.source import StreamSource
from ..streams.stream_record import StreamRecord
from .picture_gallery import PictureGallery

_FORMAT = 1
_FILE, _WEIGHTS = "served.json", "weights.safetensors"


@dataclass(frozen=True)
class ModelFiles:
    """A trial without its data set, its memory and its record: all that its method needs to answer.

    Attributes:
        config: The trial's configuration.
        source: Its stream without data.
        weights: The method's ``state_dict``.
        tokenizer: The folder of the run's tokenizer, which recognition lacks.
        encoder: See :func:`~orchestrator.features.frozen.encoder_fingerprint`. A frozen encoder's weights are
            found where the configuration names them.
        gallery: In retrieval the pictures that are searched; None: a request brings them.
    """

    config: RunConfig
    source: StreamSource
    weights: dict[str, Tensor]
    tokenizer: Path
    encoder: str | None
    gallery: PictureGallery | None = None

    def write(self, folder: Path) -> None:
        """Writes the files, none of which can run code, into an empty folder."""
        (folder / CONFIG_FILE).write_text(self.config.yaml(), encoding="utf-8")
        # Digests tell the tasks' data apart, which are not compared here.
        (folder / TASKS_FILE).write_text(StreamRecord.of(self.source, whole=False).text(), encoding="utf-8")
        save_file({name: t.contiguous() for name, t in self.weights.items()}, folder / _WEIGHTS)
        if self.tokenizer.is_dir() and self.source.scenario != "recognition":
            shutil.copytree(self.tokenizer, folder / TOKENIZER_FOLDER)
        if self.gallery is not None:
            self.gallery.write(folder)
        head = {"format": _FORMAT, "encoder": self.encoder}
        (folder / _FILE).write_text(json.dumps(head), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> ModelFiles:
        """Reads what :meth:`write` wrote.

        Raises:
            UserError: A file is missing, or has another content. The message is one line.
        """
        try:
            head = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            version, encoder = head["format"], head["encoder"]
            if version != _FORMAT:
                raise UserError(
                    f"{folder / _FILE}: format {version}, allowed: {_FORMAT}, which this version reads"
                )
            return cls(
                RunConfig.load_yaml(folder / CONFIG_FILE),
                StreamRecord.read(folder / TASKS_FILE).source(),
                load_file(folder / _WEIGHTS),
                folder / TOKENIZER_FOLDER,
                encoder,
                PictureGallery.read(folder),
            )
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise UserError(f"{folder}: is no model of a trial ({error}); allowed: what was logged") from None
