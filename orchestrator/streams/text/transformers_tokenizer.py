"""A tokenizer of transformers, from a folder or from the Hub's local cache."""

from __future__ import annotations

import os
from typing import Any

from methods.backbones.lfs_pointer import lfs_pointer

from ...errors import UserError

_FILES = (".json", ".txt", ".model")  # endings of a tokenizer's files


def transformers_tokenizer(name: str) -> Any:
    """Loads a fast tokenizer.

    A name on the Hub is looked up in the local cache alone, so that the answer comes at once, with or without
    a network.

    Args:
        name: A folder, or a name on the Hub.

    Raises:
        UserError: There is no such tokenizer, it cannot be read, or transformers made it up because a
            vocabulary is missing, so that it knows no word. The message is one line.
    """
    from transformers import AutoTokenizer

    source = os.path.expanduser(name)
    is_path = os.path.exists(source) or source.startswith((os.sep, "."))
    if reason := _no_folder(source) if is_path else None:
        raise _refused(name, reason, is_path)
    try:
        # Without this argument transformers asks on the terminal whether to run code that came with the
        # tokenizer.
        loaded = AutoTokenizer.from_pretrained(
            source, use_fast=True, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # transformers raises many types
        raise _refused(name, _reason(error, source, is_path), is_path) from None
    if not getattr(loaded, "is_fast", False):
        raise UserError(f"tokenizer {name!r}: has no tokenizer.json, allowed: a fast tokenizer")
    _check_vocabulary(name, loaded, is_path)
    return loaded


def _no_folder(source: str) -> str | None:
    if os.path.isfile(source):
        return "it is a file, not its folder"
    if not os.path.isdir(source):
        return "no such folder"
    there = os.listdir(source)
    if not there:
        return "the folder is empty"
    if not set(there) & {"tokenizer.json", "tokenizer_config.json", "config.json"}:
        return (
            f"the folder has {sorted(there)[0]}, but no tokenizer.json, and no tokenizer_config.json or "
            "config.json that says whose vocabulary it is"
        )
    return lfs_pointer(source, _FILES)  # other files there, such as weights, may be missing


def _reason(error: Exception, source: str, is_path: bool) -> str:
    if not is_path and isinstance(error, OSError):
        return "it is no folder, and not in the local cache"
    reason = " ".join(str(error).split())
    if "trust_remote_code" in reason:
        return "it needs code of its own, which is never run"
    if "tiktoken" in reason:  # transformers' last guess for a file that is no sentencepiece model
        return "its vocabulary is of no known format"
    if isinstance(error, UnicodeDecodeError) or "valid UTF-8" in reason:
        return f"its vocabulary is not UTF-8: {reason[:100]}"
    return reason[:200] or type(error).__name__


def _refused(name: str, reason: str, is_path: bool) -> UserError:
    allowed = "a folder with tokenizer.json, or with a vocabulary and tokenizer_config.json"
    if not is_path:
        allowed += f", or a model in the local cache ('hf download {name}' puts one there)"
    return UserError(f"tokenizer {name!r}: cannot be loaded ({reason}), allowed: {allowed}")


def _check_vocabulary(name: str, loaded: Any, is_path: bool) -> None:
    vocabulary = loaded.get_vocab()
    special = {str(token) for token in loaded.added_tokens_decoder.values() if token.special}
    special |= set(loaded.all_special_tokens)
    # The space of a sentencepiece model is no word.
    if not any(word.strip("\u2581 \r\n") for word in vocabulary.keys() - special):
        reason = f"it has no vocabulary: none of its {len(vocabulary)} tokens is a word"
        raise _refused(name, reason, is_path)
