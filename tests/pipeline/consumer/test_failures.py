"""Errors are told in words that people understand, that every database holds."""

from __future__ import annotations

import pytest

from hub.errors import Permanent, Transient, Unreadable
from hub.pipeline.consumer import failures
from hub.pipeline.consumer.failures import Poison
from hub.services import tickets


@pytest.mark.parametrize(
    ("error", "reason_class"),
    [
        (Poison("x"), "poison"),
        (Unreadable("x"), "unreadable"),
        (Permanent("x"), "permanent"),
        (Transient("x"), "exhausted"),
        (ValueError("x"), "ours"),
        (RecursionError(), "ours"),
    ],
)
def test_the_class_of_a_reason_follows_from_the_error(error: Exception, reason_class: str) -> None:
    assert failures.classify(error) == reason_class


def test_an_error_is_one_bounded_line_with_its_type() -> None:
    assert failures.describe(ValueError("no")) == "ValueError: no"
    assert len(failures.describe(ValueError("x" * 100_000))) == 500


def test_what_no_database_holds_is_left_out() -> None:
    assert failures.describe(ValueError("a\0b\ud800c")) == "ValueError: ab?c"


def test_where_names_the_innermost_place_of_the_rules_not_of_a_library() -> None:
    with pytest.raises(AttributeError) as raised:
        tickets.get(None, "T-1")  # type: ignore[arg-type]

    module, _, rest = failures.where(raised.value).partition(":")
    line, _, function = rest.partition(" ")
    assert (module, function) == ("hub.services.tickets", "get")
    assert line.isdigit()


def test_an_error_from_nowhere_has_no_place() -> None:
    assert failures.where(ValueError("never raised")) == ""
