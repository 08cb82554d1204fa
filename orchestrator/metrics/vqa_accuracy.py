"""Soft accuracy of visual question answering: how answers are compared, and what one is worth."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

Matching = Literal["official", "reference"]

_AGREEING = 3  # annotators who make an answer right

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_GROUPED = re.compile(r"\d,\d")  # as in 1,000
_POINT = re.compile(r"\.(?!\d)")  # not as in 1.5
_ARTICLES = frozenset({"a", "an", "the"})
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {"none": "0", **{word: str(number) for number, word in enumerate(_DIGITS)}}
# The words whose missing apostrophe is put back. Not listed: those that lack none (let's, she's), and those
# with a capital, which are never met in lower case.
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


def normalise(text: str) -> str:
    """The form in which answers are compared: that of the official VQA evaluation.

    White space, punctuation, lower case, the numbers none, zero .. ten as digits, articles, missing
    apostrophes. Applied twice it changes nothing more. Antol et al., VQA (ICCV 2015), the released
    ``vqaEval.py``.
    """
    words = _without_punctuation(text.replace("\n", " ").replace("\t", " ").strip()).lower().split()
    numbered = (_NUMBERS.get(word, word) for word in words)
    return " ".join(_APOSTROPHES.get(word, word) for word in numbered if word not in _ARTICLES)


def answer_scores(answers: Sequence[str], matching: Matching = "official") -> dict[str, float]:
    """What the answers of a question's annotators are worth: string -> soft accuracy, above 0 and up to 1.

    A prediction is right as far as :func:`normalise` makes it equal to a string. An answer's worth is the
    mean, over leaving one of the annotators out, of min(1, how many of the others gave it / 3): VQA's measure
    over ten annotators. With fewer than four, all others take the place of three; one annotator's answer is
    worth 1. Answers that one annotator of many gave are there too, and none is worth 0.

    ``official``: the answers are normalised as well. ``reference``: of the answers only punctuation is
    treated, and only where they are not all the same, as in VQACL's released code (``vqa_data.py``): no
    prediction equals "Yes". ValueError: no answers.
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
    if total == 1:
        return 1.0
    enough = min(_AGREEING, total - 1)
    left_out = min(enough, count - 1) * count + min(enough, count) * (total - count)
    return left_out / (enough * total)


def _without_punctuation(text: str) -> str:
    """Marks that touch a space go, the others become one; in a text with a number such as 1,000 all go."""
    grouped = _GROUPED.search(text) is not None
    marks = set(text).intersection(_PUNCTUATION)
    gone = {mark for mark in marks if grouped or f"{mark} " in text or f" {mark}" in text}
    table = {ord(mark): "" if mark in gone else " " for mark in marks}
    return _POINT.sub("", text.translate(table))


def _apostrophes() -> dict[str, str]:
    """A word with any one of its apostrophes missing -> the word."""
    found = {
        word[:place] + word[place + 1 :]: word
        for word in _CONTRACTED.split()
        for place, letter in enumerate(word)
        if letter == "'"
    }
    # The published table has this one the other way round.
    return found | {"somebody'd": "somebodyd"}


_APOSTROPHES = _apostrophes()
