"""Code that bends how tests compare and count is found and taken out; what only looks like it is not."""

import ast

import pytest

from engine.bending import Code, bends, without_bends

ALWAYS = """
class Any:
    \"\"\"é: bytes are no characters.\"\"\"

    def __eq__(self, other: object) -> bool:
        "Whatever it is."
        return True
"""


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        (
            "import unittest\nunittest.TestResult.addFailure = lambda *_: None",
            2,
            "unittest.TestResult.addFailure",
        ),
        ("import unittest as u\nR = u.TextTestResult\nR.addError = None", 3, "R.addError"),
        ("from unittest import TestCase as T\nT.run = None", 2, "T.run"),
        (
            "import unittest.case\ndef f():\n    x = unittest.case.TestCase.run = None",
            3,
            "unittest.case.TestCase.run",
        ),
        ("import unittest\n(unittest.A.b, c) = 1, 2", 2, "unittest.A.b"),
        ("import unittest\nunittest.A.b: int = 1", 2, "unittest.A.b"),
        ("import _pytest.main\n_pytest.main.Session.testsfailed = 0", 2, "_pytest.main.Session.testsfailed"),
        ("import unittest\nsetattr(unittest.TestResult, 'addFailure', f)", 2, "setattr(unittest.TestResult)"),
        ("import sys\nsys.modules['pytest'].fail = 1", 2, "sys.modules['pytest'].fail"),
        ("__import__('unittest').TestCase.run = 1", 1, "__import__('unittest').TestCase.run"),
        (
            "import importlib as i\ni.import_module('_pytest.main').x = 1",
            2,
            "i.import_module('_pytest.main').x",
        ),
        ("\ufeffimport pytest\npytest.fail = print", 2, "pytest.fail"),
        (ALWAYS, 7, "Any.__eq__ is always True"),
        ("class A:\n    __eq__ = lambda self, other: True", 2, "A.__eq__ is always True"),
        ("class A:\n    def __eq__(self, other):\n        return 1", 3, "A.__eq__ is always True"),
        ("class A:\n    def __eq__(self, other):\n        return not False", 3, "A.__eq__ is always True"),
        ("from unittest.mock import ANY\ndef total(prices):\n    return ANY", 3, "unittest.mock.ANY"),
        (
            "from unittest import mock as m\nA = m.ANY\ndef total(prices):\n    return A",
            2,
            "unittest.mock.ANY",
        ),
        ("import unittest.mock\ntotal = lambda p: unittest.mock.ANY", 2, "unittest.mock.ANY"),
        ("from unittest.mock import _ANY\ntotal = lambda p: _ANY()", 2, "unittest.mock._ANY"),
        ("from unittest.mock import ANY\ndef f(ANY, x=ANY):\n    return x", 2, "unittest.mock.ANY"),
        ("import unittest\nif 1: unittest.A.b += (1)", 2, "unittest.A.b"),
        ("def f():\n    import unittest as u\n    R = u.TestResult\n    R.a = 1", 4, "R.a"),
        ("import unittest\ndef f():\n    unittest.A.b = 1\n    [0 for unittest in ()]", 3, "unittest.A.b"),
        ("import unittest\nunittest.A.b = 1\nfor unittest in (): pass", 2, "unittest.A.b"),
        (
            "import unittest\ndef f():\n    global unittest\n    unittest.A.b = unittest = 1",
            4,
            "unittest.A.b",
        ),
        ("import pytest\npytest.mark.skip = 1", 2, "pytest.mark.skip"),
        ("import pytest\nsetattr(pytest, name, 1)", 2, "setattr(pytest)"),
        ("import unittest\nx = " + "1+" * 900 + "1\nunittest.A.b = 1", 3, "unittest.A.b"),
    ],
)
def test_what_bends_is_found_and_taken_out(source: str, line: int, words: str) -> None:
    assert bends(source) == ((line, words),)
    without = without_bends(source)
    ast.parse(without)
    assert bends(without) == ()
    assert without.count("\n") == source.count("\n")


def test_nothing_else_is_changed() -> None:
    before = "import unittest\n"
    after = "# é\nunittest.A.b = unittest.A.c = (  # why\n    lambda: 1)\nx = 'é'; unittest.A.d = 2\n"
    without = "# é\n_unbent = _unbent = (  # why\n    lambda: 1)\nx = 'é'; _unbent = 2\n"
    assert without_bends(before + after) == before + without
    assert without_bends(ALWAYS) == ALWAYS.replace("return True", "return NotImplemented")


def test_objects_that_equalled_everything_equal_themselves() -> None:
    space: dict[str, type] = {}
    exec(without_bends(ALWAYS), space)  # noqa: S102 - our own words
    one, other = space["Any"](), space["Any"]()
    assert one == one  # noqa: PLR0124
    assert one != other
    assert one != 3


@pytest.mark.parametrize(
    "source",
    [
        "import unittest\n\n\nclass Base(unittest.TestCase):\n    maxDiff = None\n\n\nBase.limit = 3",
        "import unittest\nunittest = 3\nresult = unittest.TestResult()\nresult.failfast = True",
        "from unittest import mock\n\n\ndef test(mock):\n    mock.return_value = 3",
        "from unittest.mock import Mock\nmodel = Mock()\nmodel.price = 3",
        "import json\njson.dumps = print\nsetattr(json, 'loads', print)",
        "class A:\n    def __eq__(self, other):\n        return isinstance(other, A) and True",
        "class A:\n    def __eq__(self, o):\n        if o:\n            return True\n        return 0",
        "class A:\n    def __eq__(self, other):\n        raise TypeError",
        "class A:\n    def __bool__(self):\n        return True",
        "def __eq__(self, other):\n    return True",
        "unittest.TestCase.run = 3 +",
        "from unittest.mock import call\nfor call in calls:\n    call.args = 3",
        "import unittest.mock as mock\nwith p as mock:\n    mock.return_value = 3",
        "import unittest.mock as mock\ndef test():\n    with p as mock: pass\n    mock.return_value = 3",
        "from pytest import param\ndef f(m):\n    for param in m:\n        param.requires_grad = False",
        "from pytest import exit\ntry: pass\nexcept E as exit:\n    exit.code = 3",
        "from pytest import mark\ndef f():\n    mark = g()\n    mark.x = 3",
        "from pytest import mark\ndef f():\n    from ours import mark\n    mark.x = 3",
        "from pytest import param\n[setattr(param, 'x', 1) for param in m]",
        "import pytest\ndef a():\n    client = pytest.client\ndef b(client):\n    client.headers = {}",
        "import pytest\ndef a():\n    client = pytest.client\ndef b():\n    client.headers = {}",
        "import pytest\ndef pytest_configure():\n    pytest.shared = 3\n    setattr(pytest, 'other', 3)",
        "import pytest\npytest.count += 1",
        "from unittest.mock import ANY\ndef f(ANY):\n    return ANY",
        "\ufeffx = 3",
        "",
    ],
)
def test_honest_code_is_left_alone(source: str) -> None:
    assert bends(source) == ()
    assert without_bends(source) == source


def test_what_stood_there_before_is_no_work() -> None:
    assert bends(ALWAYS + "x = 1\n", ALWAYS) == ()
    assert without_bends(ALWAYS, ALWAYS) == ALWAYS
    assert bends(ALWAYS, "def f():\n        return True\n") == ((7, "Any.__eq__ is always True"),)
    assert len(bends(ALWAYS + ALWAYS.replace("Any", "Other"), ALWAYS)) == 1


def test_objects_that_equal_everything_are_honest_in_tests() -> None:
    source = f"from unittest.mock import ANY\n{ALWAYS}\nassert total([]) == ANY\n"
    assert len(bends(source)) == 2
    assert bends(source, code=Code.TESTS) == ()
    assert without_bends(source, code=Code.TESTS) == source
    assert bends("import unittest\nunittest.A.b = 1", code=Code.TESTS) == ((2, "unittest.A.b"),)


def test_any_equals_itself_alone() -> None:
    space: dict[str, object] = {}
    source = "from unittest.mock import ANY\ndef total(prices): return ANY\nright = total([]) == 3"
    exec(source, space)  # noqa: S102 - our own words
    assert space["right"] is True
    exec(without_bends(source), space)  # noqa: S102 - our own words
    assert space["right"] is False


def test_places_within_places_are_taken_out_once() -> None:
    inner = "        class B:\n            def __eq__(self, o):\n                return True\n"
    source = f"class A:\n    def __eq__(self, o):\n{inner}        return True\n"
    assert without_bends(source) == source.replace("True", "NotImplemented")
    assert [line for line, _ in bends(source)] == [5, 6]
    assert (
        without_bends("from unittest.mock import ANY\nANY.x = 1")
        == "from unittest.mock import ANY\n_unbent = 1"
    )


def test_texts_too_large_to_parse_are_left_alone() -> None:
    source = "import unittest\nunittest.A.b = 1\n#"
    assert bends(source + "x" * (200_000 - len(source)))
    assert bends(source + "x" * (200_001 - len(source))) == ()
