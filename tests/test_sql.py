"""Statements are told apart as PostgreSQL tells them apart."""

from __future__ import annotations

import pytest

from pooclint.program.sql import begins_with, calls_of, contains, is_partly_unknown, may_begin_with, statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", [("SELECT", "1")]),
        ("  -- set x\n\tSELECT 1 ;", [("SELECT", "1")]),
        ("/* a /* nested */ set x = 1; */ listen jobs", [("LISTEN", "JOBS")]),
        ("SELECT ';'; SET x TO 'a''b;c'", [("SELECT", "''"), ("SET", "X", "TO", "''")]),
        (r"SELECT E'it\'s; SET x'; LISTEN a", [("SELECT", "''"), ("LISTEN", "A")]),
        ('SELECT "set;x" FROM t', [("SELECT", '"set;x"', "FROM", "T")]),
        ("DO $$ begin set x = 1; end $$; LISTEN b", [("DO", "''"), ("LISTEN", "B")]),
        ("DO $body$ $$ ; $$ $body$; LISTEN b", [("DO", "''"), ("LISTEN", "B")]),
        ("SELECT $1::int, $2", [("SELECT", "$", "1", "::", "INT", ",", "$", "2")]),
        ("SELECT 'never closed; SET x", [("SELECT", "''")]),
        ("/* never closed; SET x", []),
        (" ;; ", []),
        ("", []),
        ("SET \0 = 1", [("SET", "\0", "=", "1")]),
    ],
)
def test_statements(text: str, expected: list[tuple[str, ...]]) -> None:
    assert list(statements(text)) == expected


def test_beginnings() -> None:
    (statement,) = statements("create  temp\ntable basket (id int) on commit drop")
    assert begins_with(statement, "CREATE TEMP")
    assert not begins_with(statement, "CREATE TABLE")
    assert contains(statement, "ON COMMIT DROP")
    assert not contains(statement, "COMMIT ON")
    assert not is_partly_unknown(statement)


def test_what_is_not_known_may_be_anything() -> None:
    (statement,) = statements("SET \0 x = 1")
    assert not begins_with(statement, "SET LOCAL")
    assert may_begin_with(statement, "SET LOCAL")
    assert not may_begin_with(statement, "CREATE TEMP")
    assert is_partly_unknown(statement)


def test_last_arguments() -> None:
    (statement,) = statements("select set_config('a', coalesce($1, ''), false), now()")
    assert list(calls_of(statement, ["SET_CONFIG"])) == [("SET_CONFIG", ("FALSE",))]
    (cut_off,) = statements("select pg_advisory_lock(1, 2")
    assert list(calls_of(cut_off, ["PG_ADVISORY_LOCK"])) == [("PG_ADVISORY_LOCK", ("2",))]
