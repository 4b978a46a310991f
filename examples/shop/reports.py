"""Nightly reports, run by a scheduler in a process of its own."""

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import psycopg2.pool
import requests

from .settings import settings

report_pool = psycopg2.pool.ThreadedConnectionPool(5, 80, settings.database_url)


@contextmanager
def report_connection() -> Iterator[psycopg2.extensions.connection]:
    conn = report_pool.getconn()
    yield conn
    report_pool.putconn(conn)


@contextmanager
def report_transaction() -> Iterator[psycopg2.extensions.connection]:
    conn = report_pool.getconn()
    try:
        with conn:
            yield conn
    finally:
        report_pool.putconn(conn)


def daily_totals(day):
    conn = report_pool.getconn()
    cur = conn.cursor()
    cur.execute("select sum(total) from orders where created::date = %s", (day,))
    total = cur.fetchone()[0]
    report_pool.putconn(conn)
    return total


def order_count():
    conn = report_pool.getconn()
    cur = conn.cursor()
    cur.execute("select count(*) from orders")
    return cur.fetchone()[0]


def monthly_totals(month):
    with report_transaction() as conn, conn.cursor() as cur:
        cur.execute("select day, total from totals where month = %s", (month,))
        return cur.fetchall()


def export(path):
    try:
        conn = psycopg2.connect(settings.database_url)
        with conn.cursor() as cur, open(path, "w", newline="") as target:
            cur.execute("select id, total from orders")
            csv.writer(target).writerows(cur)
    finally:
        conn.close()


def archive(path, rows):
    with sqlite3.connect(path) as db:
        db.executemany("insert into archive (id, total) values (?, ?)", rows)


def restore(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("select id, total from archive").fetchall()


def best_replica(hosts):
    conn = None
    for host in hosts:
        conn = psycopg2.connect(settings.database_url, host=host)
        with conn.cursor() as cur:
            cur.execute("select pg_last_wal_replay_lsn()")
            lag = cur.fetchone()
        if lag is None:
            break
    if conn is not None:
        conn.close()
    return host


def send(day, url):
    with report_connection() as conn, conn.cursor() as cur:
        cur.execute("select id, total from orders where created::date = %s", (day,))
        rows = cur.fetchall()
    requests.post(url, json=rows, timeout=30)


def convert(currency):
    conn = report_pool.getconn()
    try:
        rate = requests.get("https://rates.example.com/", params={"to": currency}, timeout=30).json()["rate"]
        with conn.cursor() as cur:
            cur.execute("update totals set converted = total * %s", (rate,))
        conn.commit()
    finally:
        report_pool.putconn(conn)
