"""Values keep their type and precision on the wire, and the same value always looks the same."""

from __future__ import annotations

import datetime
import enum
import json
import math
import uuid
import zoneinfo
from collections import namedtuple
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endstop import values
from endstop.values import Unencodable, decode, digest, encode, preview

from .support.vectors import vectors

VECTORS = [vector for vector in vectors("values") if vector["python"] is not None]
NAMES: dict[str, Any] = {
    "nan": math.nan,
    "inf": math.inf,
    "datetime": datetime,
    "Decimal": Decimal,
    "UUID": uuid.UUID,
}


def named(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def value_of(vector: dict[str, Any]) -> Any:
    return eval(vector["python"], dict(NAMES))


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "encoded" in vector], ids=named)
def test_a_golden_value_is_encoded_and_decoded(vector: dict[str, Any]) -> None:
    value = value_of(vector)
    if vector.get("from") != "javascript":
        assert encode(value) == vector["encoded"]
    assert same(decode(vector["encoded"]), value)


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "unencodable" in vector], ids=named)
def test_a_golden_value_that_has_no_encoding_names_its_part(vector: dict[str, Any]) -> None:
    with pytest.raises(Unencodable) as found:
        encode(value_of(vector))
    assert found.value.path == vector["unencodable"]


def test_every_golden_value_is_one_of_the_two() -> None:
    assert all(("encoded" in vector) != ("unencodable" in vector) for vector in VECTORS)
    assert len(VECTORS) > 30


def same(one: Any, other: Any) -> bool:
    """The same in type and value: 1 is neither True nor 1.0, NaN is NaN; the order of keys is nothing."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        items = {repr(key): item for key, item in other.items()}
        return len(one) == len(other) and all(
            repr(key) in items and same(item, items[repr(key)]) for key, item in one.items()
        )
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, (set, frozenset)):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    return repr(one) == repr(other)


zones = st.none() | st.just(datetime.timezone.utc) | st.just(datetime.timezone(datetime.timedelta(hours=-3.5)))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
exact = (
    st.none()
    | st.booleans()
    | st.integers()
    | texts
    | st.binary(max_size=8)
    | st.dates()
    | st.times().map(lambda time: time.replace(fold=0))
    | st.datetimes(timezones=zones).map(lambda moment: moment.replace(fold=0))
    | st.decimals(allow_nan=False)
    | st.uuids()
)
# NaN is not equal to itself: as a key or an element of a set it has no meaning.
hashable = st.recursive(exact | st.floats(allow_nan=False), lambda inner: st.tuples(inner, inner), max_leaves=3)
anything = st.recursive(
    exact | st.floats() | st.frozensets(hashable, max_size=3) | st.sets(hashable, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(texts | st.just("$int") | hashable, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(anything)
def test_a_value_comes_back_through_json_as_it_was(value: Any) -> None:
    assert same(decode(json.loads(json.dumps(encode(value)))), value)


@given(st.dictionaries(texts, anything, max_size=5), st.randoms())
def test_the_order_of_keys_changes_neither_the_digest_nor_the_encoding(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert digest(dict(items)) == digest(value)
    assert same(encode(dict(items)), encode(value))


@given(anything, anything)
def test_two_values_have_the_same_digest_exactly_if_they_are_the_same(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == same(one, other)
    assert digest(one) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [(1234567890123456789, 1234567890123456780), (1, 1.0), (0, False), (0.0, -0.0), ("1", 1), ([1], (1,)), (b"a", "a")],
)
def test_values_that_json_would_mix_up_have_different_digests(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Text(str):
    pass


Point = namedtuple("Point", "x y")
cyclic: list[Any] = []
cyclic.append(cyclic)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Colour.RED, "input (tests.test_values.Colour) cannot be encoded"),
        (Level.HIGH, "input (tests.test_values.Level) cannot be encoded"),
        ({"a": [Text("x")]}, "input.a[0] (tests.test_values.Text) cannot be encoded"),
        ((Point(1, 2),), "input[0] (tests.test_values.Point) cannot be encoded"),
        ({(1, 2): object()}, "input[(1, 2)] (object) cannot be encoded"),
        ({frozenset({Level.HIGH})}, "input{…}{…} (tests.test_values.Level) cannot be encoded"),
        (datetime.datetime(2026, 1, 1, fold=1), "input (datetime.datetime) cannot be encoded: it has fold=1"),
        (
            datetime.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
            "input (datetime.datetime) cannot be encoded: its zone is a zoneinfo.ZoneInfo",
        ),
    ],
)
def test_what_would_lose_something_has_no_encoding(value: Any, message: str) -> None:
    with pytest.raises(Unencodable) as found:
        encode(value)
    assert str(found.value) == message


def test_a_value_that_contains_itself_has_no_encoding() -> None:
    with pytest.raises(Unencodable, match="nested deeper than 100"):
        encode(cyclic)


def test_an_integer_with_more_digits_than_python_writes_has_no_encoding() -> None:
    with pytest.raises(Unencodable, match="digits"):
        encode(10**5000)


@pytest.mark.parametrize(
    "encoded", [{"$int": "x"}, {"$nothing": 1}, {"$date": 5}, {"$bytes": "*"}, {"$decimal": "x"}, {"$object": [1]}]
)
def test_a_tag_that_is_not_of_the_protocol_is_refused(encoded: Any) -> None:
    with pytest.raises(ValueError, match=r"\$"):
        decode(encoded)


class Shown:
    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_what_has_no_encoding_is_compared_by_its_text() -> None:
    assert digest(Shown("a")) == digest(Shown("a"))
    assert digest(Shown("a")) != digest(Shown("b"))
    assert digest(Shown("a")) != digest("a")


@pytest.mark.parametrize("value", [object(), Broken(), lambda: None, [object()]])
def test_a_value_whose_text_says_nothing_has_no_digest(value: Any) -> None:
    assert digest(value) is None


def test_a_preview_is_short_valid_text_or_none() -> None:
    assert preview("x" * 1000) == "x" * values.PREVIEW_CHARACTERS
    assert preview("a\ud800b") == "a?b"
    assert preview(Broken()) is None


def test_no_more_than_a_megabyte_of_a_result_is_looked_at() -> None:
    doubled: Any = [0]
    for _ in range(60):  # 2 ** 60 parts: whoever looks at all of them never ends
        doubled = [doubled, doubled]
    cycle: list[Any] = []
    cycle.append(cycle)
    for large in (doubled, cycle, {"rows": [{"id": number} for number in range(100_000)]}, ["x" * 1_000_001]):
        assert digest(large) is None
        assert 0 < len(preview(large) or "") <= values.PREVIEW_CHARACTERS
    assert digest("x" * 1_000_001) is None
    assert digest(Shown("x" * 1_000_001)) is None


def test_a_result_is_compared_up_to_about_a_megabyte() -> None:
    rows = [{"id": number, "name": f"row {number}"} for number in range(10_000)]
    assert digest(rows) == digest([dict(row) for row in rows]) is not None
    assert digest("x" * 999_000) is not None
    assert (preview(rows) or "").startswith("[{'id': 0, 'name': 'row 0'}, {'id': 1")


def test_the_preview_of_a_large_result_shows_how_it_begins() -> None:
    rows = {"rows": [{"id": number} for number in range(100_000)]}
    assert (preview(rows) or "").startswith("{'rows': [{'id': 0}, {'id': 1}, {'id': 2}")
