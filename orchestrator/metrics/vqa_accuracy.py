"""Soft accuracy of visual question answering: how answers are compared, and what each answer is worth."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, get_args

Matching = Literal["official", "reference"]

_AGREEING = 3  # this many annotators make an answer right

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_GROUPED = re.compile(r"\d,\d")  # as in 1,000
_POINT = re.compile(r"\.(?!\d)")  # not as in 1.5
_ARTICLES = frozenset({"a", "an", "the"})
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {"none": "0", **{word: str(number) for number, word in enumerate(_DIGITS)}}
# The words whose missing apostrophe is put back. Two kinds of words of the published table are not listed:
# words that lack no apostrophe (let's, she's), and words with a capital, which lower-case text never
# contains.
_CONTRACTED = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd
    he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't mightn't've must've
    mustn't needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've
    somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's something'd
    something'd've something'll that's there'd there'd've there're there's they'd they'd've they'll they're
    they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd where's where've
    who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've y'all
    y'all'd've y'all'll you'd you'd've you'll you're you've
"""


@lru_cache(maxsize=2**16)  # nearly all of VQA v2's six million answers are given again and again
def normalise(text: str) -> str:
    """Brings an answer into the form in which the official VQA evaluation compares answers.

    White space and punctuation are normalised, letters are made lower case, the numbers none and zero to ten
    become digits, articles are removed, and missing apostrophes are put back. A second application changes
    nothing more. Antol et al., VQA (ICCV 2015), the released ``vqaEval.py``.
    """
    words = _without_punctuation(text.replace("\n", " ").replace("\t", " ").strip()).lower().split()
    numbered = (_NUMBERS.get(word, word) for word in words)
    return " ".join(_APOSTROPHES.get(word, word) for word in numbered if word not in _ARTICLES)


def answer_scores(answers: Sequence[str], matching: Matching = "official") -> dict[str, float]:
    """Computes what the answers of a question's annotators are worth.

    A prediction is right as far as :func:`normalise` makes it equal to one of the returned strings. An
    answer's worth is the mean of min(1, n / 3), where each annotator is left out in turn and n counts how
    many of the others gave the answer. This is VQA's measure over ten annotators. With fewer than four
    annotators, the number of all others takes the place of three. A single annotator's answer is worth 1. An
    answer that one annotator of many gave is included too. No answer is worth 0.

    Args:
        answers: The annotators' answers, at least one.
        matching: ``official``: the answers are normalised as well. ``reference``: only the answers'
            punctuation is treated, and only where the answers are not all the same, as in VQACL's released
            code (``vqa_data.py``); no prediction then equals "Yes".

    Returns:
        A soft accuracy above 0 and up to 1 by answer.

    Raises:
        ValueError: There are no answers, or there is no such ``matching``.
    """
    if not answers:
        raise ValueError("no answers to a question")
    given: Sequence[str]
    if matching == "official":
        given = [normalise(answer) for answer in answers]
    elif matching == "reference":
        given = [_without_punctuation(answer) for answer in answers] if len(set(answers)) > 1 else answers
    else:
        raise ValueError(f"matching {matching!r}: one of {', '.join(get_args(Matching))}")
    total = len(given)
    return {answer: _worth(count, total) for answer, count in Counter(given).items()}


def _worth(count: int, total: int) -> float:
    """The soft accuracy of an answer that ``count`` of ``total`` annotators gave."""
    if total == 1:
        return 1.0
    enough = min(_AGREEING, total - 1)
    left_out = min(enough, count - 1) * count + min(enough, count) * (total - count)
    return left_out / (enough * total)


def _without_punctuation(text: str) -> str:
    """Removes marks that touch a space and makes the others a space; a text with a number such as 1,000 loses
    all marks.
    """
    grouped = _GROUPED.search(text) is not None
    marks = set(text).intersection(_PUNCTUATION)
    gone = {mark for mark in marks if grouped or f"{mark} " in text or f" {mark}" in text}
    table = {ord(mark): "" if mark in gone else " " for mark in marks}
    return _POINT.sub("", text.translate(table))


def _apostrophes() -> dict[str, str]:
    """Maps each word, written with any one of its apostrophes missing, to the word."""
    words = {
        word[:index] + word[index + 1 :]: word
        for word in _CONTRACTED.split()
        for index, letter in enumerate(word)
        if letter == "'"
    }
    # The published table has this pair the other way round.
    return words | {"somebody'd": "somebodyd"}


_APOSTROPHES = _apostrophes()
