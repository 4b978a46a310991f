"""CNX202 in views: what a request keeps from its first query on is said by settings of the project."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from pooclint.config import ConfigFinder
from pooclint.packs import rule_codes
from pooclint.rule import Finding
from pooclint.run.cache import Caches
from pooclint.run.check import Checker
from pooclint.run.discovery import discover

MANAGE = 'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "conf.settings")\n'
ATOMIC = 'DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": True}}\n'
PLAIN = 'DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": 600}}\n'
MODELS = "from django.db import models\n\n\nclass Order(models.Model):\n    total = models.IntegerField()\n"
VIEW = """\
import requests
from django.http import HttpRequest
from shop.models import Order


def pay(request: HttpRequest, order_id):
    order = Order.objects.get(id=order_id)
    return requests.post("https://pay.example.com", json={"total": order.total}, timeout=5)
"""


def write(folder: Path, files: Mapping[str, str]) -> None:
    (folder / ".git").mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def project(settings: str, **more: str) -> dict[str, str]:
    return {
        "manage.py": MANAGE, "conf/__init__.py": "", "conf/settings.py": settings, "shop/__init__.py": "",
        "shop/models.py": MODELS, "shop/views.py": VIEW, **more,
    }  # fmt: skip


def check(folder: Path) -> dict[str, tuple[Finding, ...]]:
    """Everything that is found in the files of a folder, with the cache that it has."""
    caches, checker, found = Caches(None, lambda _: None), Checker(), {}
    for source in discover([str(folder)], ConfigFinder(rule_codes, start=folder)):
        report = caches.report(source)
        if report is None:
            report = checker.check(source)
            caches.add(source, report, checker.learned(source.config))
        found[source.path.relative_to(folder).as_posix()] = report.findings
    caches.save()
    return found


@pytest.mark.parametrize(
    "settings",
    [
        ATOMIC,
        'DATABASES = {"default": dict(ENGINE="django.db.backends.postgresql", ATOMIC_REQUESTS=True)}\n',
        'DATABASES = {"default": {}}\nDATABASES["default"]["ATOMIC_REQUESTS"] = True\n',
        'DATABASES = {}\nDATABASES["default"] = {"ATOMIC_REQUESTS": True}\n',
        'ATOMIC = True\nDATABASES = {"default": {"ATOMIC_REQUESTS": ATOMIC}}\n',
    ],
)
def test_a_transaction_for_each_request(settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, project(settings))
    (finding,) = check(tmp_path)["shop/views.py"]
    assert (finding.code, finding.line, finding.severity.label) == ("CNX202", 8, "error")
    assert "transaction of the request ('ATOMIC_REQUESTS') has been open since line 7" in finding.message


@pytest.mark.parametrize("pool", ["True", '{"max_size": 8}'])
def test_a_pool(pool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has one from Django 5.1 on, and the connection goes back when the request ends."""
    monkeypatch.chdir(tmp_path)
    settings = f'DATABASES = {{"default": {{"OPTIONS": {{"pool": {pool}}}}}}}\n'
    write(tmp_path, project(settings))
    (finding,) = check(tmp_path)["shop/views.py"]
    assert "connection of the request ('pool') has been held since line 7" in finding.message
    write(tmp_path, {"requirements.txt": "django==5.0.6\n"})
    assert not check(tmp_path)["shop/views.py"]


@pytest.mark.parametrize(
    "files",
    [
        project(PLAIN),
        project('DATABASES = {"default": {"ATOMIC_REQUESTS": False}}\n'),
        project('DATABASES = {"default": {"OPTIONS": {"pool": False}}}\n'),
        project('CACHES = {"default": {"ATOMIC_REQUESTS": True}}\n'),
        {name: text for name, text in project(ATOMIC).items() if name != "manage.py"},
        {
            **{name: text for name, text in project(ATOMIC).items() if name.startswith("shop/")},
            **{f"other/{name}": text for name, text in project(ATOMIC).items()},
            "other/pyproject.toml": "",
        },
        project(ATOMIC, **{"shop/views.py": VIEW.replace("def pay", "async def pay")}),
        project(ATOMIC, **{"shop/views.py": VIEW.replace("request: HttpRequest, ", "")}),
    ],
    ids=[
        "a connection of the thread",
        "off",
        "no pool",
        "another setting",
        "no settings",
        "another project",
        "async",
        "no view",
    ],
)
def test_nothing_is_kept(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, files)
    assert not check(tmp_path)["shop/views.py"]


def test_the_nearest_settings_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, project(ATOMIC, **{f"demo/{name}": text for name, text in project(PLAIN).items()}))
    found = check(tmp_path)
    assert [finding.code for finding in found["shop/views.py"]] == ["CNX202"]
    assert not found["demo/shop/views.py"]


def test_the_cache_knows_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two views, only one of which asked first."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, project(PLAIN, **{"shop/more.py": VIEW}))
    for settings, count in ((ATOMIC, 1), (PLAIN, 0), (ATOMIC, 1)):
        write(tmp_path, {"conf/settings.py": settings})
        later = time.time_ns() + 2_000_000_000 * (1 + count)
        os.utime(tmp_path / "conf" / "settings.py", ns=(later, later))
        found = check(tmp_path)
        assert [len(found[f"shop/{name}.py"]) for name in ("views", "more")] == [count, count]
