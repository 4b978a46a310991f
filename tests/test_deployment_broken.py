"""Deployment files that are broken, huge, binary, templates or circular: a note at most, never an exception."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from deployments import FIXTURES, read_tree, shown, written
from pooclint.deployment.settings import ini_sections
from pooclint.deployment.texts import expand, simple_commands
from pooclint.deployment.tree import MAX_BYTES
from pooclint.deployment.yaml_nodes import documents, parse_document

DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {}\n"
LAUGHS = "kind: Deployment\nmetadata: {name: web}\na: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

NOTED: dict[str, tuple[dict[str, str | bytes], str]] = {
    "unclosed": ({"compose.yaml": "services:\n  web: [1, 2\n"}, "compose.yaml:3"),
    "tab": ({"compose.yaml": "services:\n\tweb: {}\n"}, "compose.yaml:2"),
    "unknown anchor": ({"compose.yaml": "services:\n  web: *nobody\n"}, "compose.yaml:2"),
    "binary compose": ({"compose.yaml": b"\x00\x01services:"}, "compose.yaml:0"),
    "huge compose": ({"compose.yaml": b"services:\n" + b"# x\n" * MAX_BYTES}, "compose.yaml:0"),
    "compose template": ({"compose.yaml": "services:\n{% if x %}\n  web: {}\n{% endif %}\n"}, "compose.yaml:0"),
    "broken manifest": ({"k8s/web.yaml": DEPLOYMENT.format("[")}, "k8s/web.yaml:5"),
    "second document": ({"k8s/web.yaml": "a: b\n---\nkind: Deployment\nx: {\n"}, "k8s/web.yaml:5"),
    "helm template": ({"t/web.yaml": "kind: Deployment\nspec: {{ .Values.spec }}\n"}, "t/web.yaml:1"),
    "broken toml": ({"fly.toml": "app = \n"}, "fly.toml:0"),
    "broken render": ({"render.yaml": "services: {\n"}, "render.yaml:2"),
    "broken supervisor": ({"supervisord.conf": "no section\n[program:x]\n"}, "supervisord.conf:0"),
    "binary Dockerfile": ({"Dockerfile": b"FROM x\n\x00"}, "Dockerfile:0"),
    "no stage": ({"Dockerfile": "# nothing\n"}, "Dockerfile:0"),
    "broken settings": ({"Procfile": "web: gunicorn a:b", "gunicorn.conf.py": "workers = ("}, "gunicorn.conf.py:0"),
    "binary environment": ({".env": b"A=\x00"}, ".env:0"),
}


@pytest.mark.parametrize("name", NOTED)
def test_what_cannot_be_read_is_noted(name: str, tmp_path: Path) -> None:
    files, where = NOTED[name]
    found = written(tmp_path, files)
    assert [f"{Path(n.path).relative_to(tmp_path).as_posix()}:{n.line}" for n in found.notes] == [where]
    assert all(n.text and "\n" not in n.text for n in found.notes)


SILENT: dict[str, dict[str, str | bytes]] = {
    "empty": dict.fromkeys(
        ["compose.yaml", "Procfile", "fly.toml", "render.yaml", "serverless.yml", "a.service", ".env", "values.yaml",
         "supervisord.conf", "manifest.yml", "pgbouncer.ini", "postgresql.conf", "my.cnf", "schema.prisma",
         "entrypoint.sh", "gunicorn.conf.py"], ""
    ),
    "other types": {
        "compose.yaml": "services: [web, db]\n",
        "docker-compose.yml": "services: {web: 1, db: null, x: [a], y: {build: [], command: {}, deploy: []}}",
        "k8s.yaml": "kind: Deployment\nmetadata: []\nspec: {replicas: {}, template: [], containers: 3}\n",
        "pods.yaml": DEPLOYMENT.format("{replicas: many, template: {spec: {containers: [1, [], {image: []}, null]}}}"),
        "hpa.yaml": "kind: HorizontalPodAutoscaler\nspec: 3\n",
        "list.yaml": "kind: List\nitems: {a: b}\n",
        "fly.toml": "processes = 3\nenv = [1]\nhttp_service = 'x'\nbuild = 1\n",
        "render.yaml": "services: 3\ndatabases: [x]\n",
        "serverless.yml": "functions: [a]\nprovider: aws\n",
        "manifest.yml": "applications: 3\n",
    },
    "circle": {"compose.yaml": "services: &s\n  web: *s\n  x: {<<: *s, image: a}\n"},
    "merged circle": {"compose.yaml": "services:\n  web: &w\n    <<: *w\n"},
    "extends itself": {"compose.yaml": "services:\n  a: {extends: b}\n  b: {extends: {service: a}}\n"},
    "script calls itself": {"Dockerfile": "FROM x\nCMD ./start.sh\n", "start.sh": "#!/bin/sh\nexec ./start.sh\n"},
    "variables in circles": {"Procfile": "web: A=$B B=$A gunicorn -w $A a:b\n", ".env": "A=$A\nB=${C:-$B}\nC=$C\n"},
    "bare names": {"Procfile": "web: gunicorn\nx: python\ny: python -m\nz: sh -c\nv: celery\nw: exec\n"},
    "quotes": {"Procfile": "web: gunicorn 'a:b -w 3\n", "Dockerfile": "FROM x\nCMD [\"gunicorn\", \n"},
    "huge figures": {"Procfile": "web: gunicorn -w 99999999999999999999 a:b --timeout 1e999\n"},
    "huge settings": {"Procfile": "web: gunicorn a:b", "gunicorn.conf.py": "workers = 9 ** 9 ** 9 ** 9 * 'x'\n"},
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_what_makes_no_sense_is_passed_over(name: str, tmp_path: Path) -> None:
    found = written(tmp_path, SILENT[name])
    assert shown(found) is not None
    assert all(1 <= program.total < 1_000_000 for program in found.programs)


def test_anchors_are_not_multiplied_out(tmp_path: Path) -> None:
    start = time.monotonic()
    written(tmp_path, {"laughs.yaml": LAUGHS, "compose.yaml": "services:\n  web: {image: a, command: *a}\n"})
    root = parse_document(LAUGHS)
    assert root.get("i").list()[8].list()[8].list()[8].is_list
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("text", ["[" * 5_000 + "]" * 5_000, "\n" + "- " * 5_000, "{a: " * 3_000, "\n" + "? " * 5_000])
def test_a_deep_document_is_noted(text: str, tmp_path: Path) -> None:
    found = written(tmp_path, {"compose.yaml": f"services: {text}"})
    assert [note.line for note in found.notes] == [1]


def test_a_deep_expression_is_noted(tmp_path: Path) -> None:
    files = {"Procfile": "web: gunicorn a:b", "gunicorn.conf.py": "workers = " + "-" * 50_000 + "1\n"}
    assert [program.processes.value for program in written(tmp_path, files).programs] == [1]


def test_files_that_are_cut_or_changed_never_raise(tmp_path: Path) -> None:
    chance = random.Random(7)
    texts = [(p.relative_to(FIXTURES), p.read_bytes()) for p in sorted(FIXTURES.rglob("*")) if p.is_file()]
    for turn in range(24):
        for name, data in texts:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            cut = bytearray(data[: chance.randrange(len(data) + 1)] if turn % 2 else data)
            for _ in range(chance.randrange(4)):
                if cut:
                    cut[chance.randrange(len(cut))] = chance.choice(b"{}[]&*:-$\"'\n\t \\|>%#")
            path.write_bytes(bytes(cut))
        found = read_tree(tmp_path)
        assert all(note.path.startswith(str(tmp_path)) for note in found.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b && c; d | e", ["a b", "c", "d", "e"]),
        ("a \\\n  b\nc", ["a b", "c"]),
        ("a # b\n# c\nd", ["a", "d"]),
        ("exec a 'b c' \"d\"", ["exec a b c d"]),
        ("(a) & b", ["a", "b"]),
        ("a $(b c) `d`", ["a ${computed} ${computed}"]),
        ("a $(NAME)", ["a ${NAME}"]),
    ],
)
def test_simple_commands(text: str, words: list[str]) -> None:
    assert [" ".join(word.text for word in one) for one in simple_commands(text, 1)] == words


@pytest.mark.parametrize(
    ("text", "value", "how", "missing"),
    [
        ("plain", "plain", "written", ""),
        ("${X:-4}", "4", "fallback", ""),
        ("${X-4}", "4", "fallback", ""),
        ("${X:-${Y:-5}}", "5", "fallback", ""),
        ("a-$X-b", "a--b", "assumed", "X"),
        ("${X:+4}", "", "written", ""),
        ("$$X", "$", "assumed", "X"),
        ("${", "${", "written", ""),
    ],
)
def test_variables(text: str, value: str, how: str, missing: str) -> None:
    found = expand(text, {})
    assert (found.figure.value, found.figure.how, found.missing) == (value, how, missing)


def test_documents_of_a_file() -> None:
    assert list(documents("a: |\n  ---\nb: c\n---\nd\n--- e\n")) == [("a: |\n  ---\nb: c", 0), ("\nd", 3), (" e\n", 5)]


def test_an_ini_file_knows_its_lines() -> None:
    found = ini_sections("; c\n[a]\nx = 1 ; one\n!include y\n[b]\nx=2\nflag\n", "a.ini")
    assert {(s, n): (f.value, f.line) for s, values in found.items() for n, f in values.items()} == {
        ("a", "x"): ("1", 3),
        ("b", "x"): ("2", 6),
        ("b", "flag"): ("", 7),
    }
