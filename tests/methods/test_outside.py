"""Methods that the project does not have itself: ``module:Class``, and those of installed packages."""

import re

import pytest
from own_classes import METHOD, install, own_package

from methods import registry
from methods.outside import NotSaid, only_said


@pytest.fixture
def package(tmp_path, monkeypatch):
    with own_package(tmp_path, monkeypatch) as folder:
        yield folder


def test_a_class_of_the_working_folder_is_a_method(package):
    found = registry.get("mypkg.mymethod:Mine")
    assert found.__module__ == "mypkg.mymethod" and found.Config().rate == 0.1
    assert registry.outside("mypkg.mymethod:Mine") and not registry.outside("ctp")
    assert "mypkg.mymethod:Mine" not in registry.names()


_BAD = [  # the module's source, and what is said of the class Mine in it
    (
        "import not_there",
        "its module cannot be imported: ModuleNotFoundError: No module named 'not_there' .*bad.py:1.$",
    ),
    ("1 / 0", r"its module cannot be imported: ZeroDivisionError: .* \(.*/mypkg/bad.py:1\)$"),
    ("x =\n", r"its module cannot be imported: SyntaxError: .* \(.*/mypkg/bad.py:1\)$"),
    ("raise SystemExit(0)", "its module cannot be imported: it ends Python"),
    (METHOD.replace("class Mine", "class Mime"), "its module has no 'Mine'; did you mean Mime\\?$"),
    ("Mine = 3", "is no subclass of methods.method.Method$"),
    (METHOD.replace("(Method)", ""), "is no subclass of methods.method.Method$"),
    (METHOD.replace("    Config = Config\n", ""), "has no Config; allowed: a frozen dataclass of that name"),
    (
        METHOD.replace("frozen=True", "frozen=False"),
        "has no Config; allowed: a frozen dataclass of that name",
    ),
    (METHOD.replace('"recognition"', '"speech"'), "has no scenarios; allowed: a frozenset of some of recog"),
    (
        METHOD[: METHOD.index("    scenarios")],
        "has no scenarios; allowed: a frozenset of some of recognition",
    ),
    (METHOD + "    presets = {'mine': {}}\n", "has presets without 'paper'"),
    (METHOD + "    presets = {'paper': {'epochs': 2}}\n", "has no preset without values; allowed: one that"),
    (METHOD + "    frozen = {'image'}\n", "is frozen in image, and its Config has no backbone"),
]
_WRONG = [
    ("mypkg.mymethod:Other", "", "its module has no 'Other'"),
    (
        "nowhere.at.all:Mine",
        "",
        "there is no module 'nowhere'; allowed: one in the working folder, on PYTHON",
    ),
    ("mypkg.other:Mine", "", "there is no module 'mypkg.other'; allowed: one in"),
    *(("mypkg.bad:Mine", text, wanted) for text, wanted in _BAD),
]


@pytest.mark.parametrize(("name", "text", "wanted"), _WRONG)
def test_a_class_that_is_no_method_is_one_line_that_says_what_it_lacks(package, name, text, wanted):
    (package / "mypkg" / "bad.py").write_text(text)
    with pytest.raises(ValueError, match=f"^{re.escape(repr(name))}: {wanted}") as caught:
        registry.get(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["mypkg.mymethod", "mypkg.mymethod:", ":Mine", "my pkg:Mine", "a:b:c", "a/b:C"]
)
def test_what_is_not_module_and_class_is_an_unknown_name(package, name):
    with pytest.raises(ValueError, match=f"^unknown method {re.escape(repr(name))}: one of ctp, "):
        registry.get(name)


def test_an_installed_package_offers_methods_under_plain_names(package, monkeypatch):
    install(package / "site", "mine", methods={"my-own": "mypkg.mymethod:Mine"})
    assert registry.names()[-1] == "my-own" and registry.get("my-own").__name__ == "Mine"
    assert registry.outside("my-own")


def test_a_name_that_two_have_is_refused(package, monkeypatch):
    install(package / "site", "mine", methods={"ctp": "mypkg.mymethod:Mine", "my-own": "a:B"})
    with pytest.raises(
        ValueError, match=r"^'ctp': is a method of this project and of the package mine \(entry"
    ):
        registry.get("ctp")
    assert registry.names().count("ctp") == 1 and registry.get("mma").__name__ == "MMA"
    install(package / "site2", "yours", methods={"my-own": "a:C"})
    with pytest.raises(
        ValueError, match="^'my-own': is a method of the package mine and of the package yours"
    ):
        registry.get("my-own")


@pytest.mark.parametrize("offered", [{"my own": "mypkg.mymethod:Mine"}, {"own": "mypkg.mymethod"}])
def test_an_entry_point_of_another_form_is_one_line(package, monkeypatch, offered):
    install(package / "site", "mine", methods=offered)
    (name,) = offered
    with pytest.raises(ValueError, match=f"^'{name}': is offered by the package mine as 'mypkg.mymethod"):
        registry.get(name)


def test_only_what_was_said_is_imported(package, monkeypatch):
    install(package / "site", "mine", methods={"my-own": "mypkg.mymethod:Mine"})
    (package / "mypkg" / "spy.py").write_text("import pathlib; pathlib.Path('ran').touch()")
    with only_said(["mypkg.mymethod:Mine", None]):
        assert registry.get("mypkg.mymethod:Mine").__name__ == "Mine"
        assert registry.get("mma").__name__ == "MMA"
        for name in ("mypkg.spy:Mine", "my-own"):
            with pytest.raises(NotSaid) as caught:
                registry.get(name)
            assert (caught.value.kind, caught.value.name) == ("method", name)
    assert not (package / "ran").exists()
    assert registry.get("my-own").__name__ == "Mine"
