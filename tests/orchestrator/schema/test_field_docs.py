"""What stands below a field is found, of the class or the nearest above."""

from dataclasses import dataclass, field, make_dataclass
from typing import ClassVar

from orchestrator.schema.field_docs import field_docs


@dataclass(frozen=True)
class Above:
    """A class's docstring is no field's."""

    one: int = 1
    """One,
    on two lines."""

    two: list[int] = field(default_factory=list)
    """Two."""

    shared: ClassVar[int] = 3
    """No field."""

    bare: int = 4

    def after(self) -> int:
        """A method's is none either."""
        return self.one


@dataclass(frozen=True)
class Beside:
    two: int = 2
    """Beside."""

    three: int = 3
    """Three."""


@dataclass(frozen=True)
class Below(Above, Beside):
    one: int = 5
    bare: int = 6
    """Bare no more."""


def test_each_field_has_what_stands_below_it():
    assert field_docs(Above) == {"one": "One, on two lines.", "two": "Two.", "bare": ""}


def test_a_repeated_field_keeps_the_nearest_docstring():
    assert field_docs(Below) == {
        "one": "One, on two lines.",
        "two": "Two.",
        "bare": "Bare no more.",
        "three": "Three.",
    }


def test_a_class_inside_a_function_is_read_and_one_without_a_source_has_none():
    @dataclass
    class Inside:
        text: str = ""
        """Lines may begin
further left."""

    assert field_docs(Inside) == {"text": "Lines may begin further left."}
    assert field_docs(make_dataclass("Made", [("one", int)])) == {"one": ""}
