"""Several processes: the same report whatever happens to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from console import CLEAN, LEAK, LEAK_CODE, pooclint
from faulty import Faulty, NeverUp
from pooclint.config import Config, ConfigFinder, Settings
from pooclint.run import workers
from pooclint.run.check import Checker
from pooclint.run.discovery import Source, discover
from pooclint.run.result import FileReport
from pooclint.run.workers import WORTHWHILE, check_here, check_in_workers, suitable_jobs


def write(folder: Path, *names: str) -> list[Source]:
    for name in names:
        (folder / name).write_text(LEAK, encoding="utf-8")
    return list(discover([str(folder)], ConfigFinder(lambda _: ())))


def by_name(sources: list[Source], reports: dict[int, FileReport]) -> dict[str, FileReport]:
    return {sources[index].path.name: report for index, report in reports.items()}


def run(sources: list[Source], **more: object) -> dict[str, FileReport]:
    done = list(check_in_workers(sources, 2, **more))  # type: ignore[arg-type]
    assert len(done) == len(sources)
    return by_name(sources, {one.index: one.report for one in done})


def test_the_same_bytes_whatever_the_number(tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / f"package{number % 3}"
        folder.mkdir(exist_ok=True)
        (folder / f"a{number}.py").write_text(f"{LEAK}\n{'# filler' * number * 50}\n", encoding="utf-8")
        (folder / f"b{number}.py").write_text(CLEAN, encoding="utf-8")
    (tmp_path / "broken.py").write_text("def f(:\n", encoding="utf-8")
    outputs = {
        jobs: pooclint("--jobs", jobs, "--format", form, cwd=tmp_path).stdout
        for form in ("json",)
        for jobs in ("1", "2", "5")
    }
    assert outputs["1"].count(LEAK_CODE) >= 12
    assert "CNX001" in outputs["1"]
    assert outputs["2"] == outputs["1"]
    assert outputs["5"] == outputs["1"]


def test_a_process_that_dies_costs_one_file(tmp_path: Path) -> None:
    sources = write(tmp_path, "a.py", "b.py", "dies.py", "e.py", "f.py", "dies_too.py")
    reports = run(sources, make=Faulty)
    for name, report in reports.items():
        expected = "CNX001" if name.startswith("dies") else LEAK_CODE
        assert [f.code for f in report.findings] == [expected], name
    (finding,) = reports["dies.py"].findings
    assert "ended the process (" in finding.message
    assert reports["dies.py"].status == "unreadable"


def test_a_file_is_tried_again_alone(tmp_path: Path) -> None:
    reports = run(write(tmp_path, "a.py", "b.py", "once.py"), make=Faulty)
    assert {name: [f.code for f in report.findings] for name, report in reports.items()} == {
        "a.py": [LEAK_CODE],
        "b.py": [LEAK_CODE],
        "once.py": [LEAK_CODE],
    }


def test_a_file_that_hangs_costs_itself(tmp_path: Path) -> None:
    reports = run(write(tmp_path, "a.py", "hangs.py", "z.py"), make=Faulty, seconds=4.0)
    assert [f.code for f in reports["hangs.py"].findings] == ["CNX001"]
    assert "took more than" in reports["hangs.py"].findings[0].message
    assert [f.code for f in reports["a.py"].findings] == [LEAK_CODE]
    assert [f.code for f in reports["z.py"].findings] == [LEAK_CODE]


def test_processes_that_never_come_up_are_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOCLINT_TEST_PARENT", str(os.getpid()))
    reports = run(write(tmp_path, "a.py", "b.py", "c.py"), make=NeverUp)
    assert [[f.code for f in report.findings] for report in reports.values()] == [[LEAK_CODE]] * 3


def test_a_mistake_in_the_configuration_ends_the_run(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.py", "c.py")
    (tmp_path / "pooclint.toml").write_text('models = ["absent.toml"]\n', encoding="utf-8")
    done = {jobs: pooclint("--jobs", jobs, ".", cwd=tmp_path) for jobs in ("1", "2")}
    assert done["2"].returncode == 2
    assert done["2"].stderr == done["1"].stderr
    assert len(done["2"].stderr.splitlines()) == 1


def test_little_work_is_done_here_and_much_by_all(tmp_path: Path) -> None:
    config = Config(Settings(), tmp_path)
    small = [Source(str(tmp_path / "a.py"), "a.py", config)] * 64
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    assert suitable_jobs(small) == 1
    assert suitable_jobs(small, 3) == 3
    assert suitable_jobs(small[:2], 3) == 2
    (tmp_path / "a.py").write_bytes(b"#" * (WORTHWHILE // 32))
    assert suitable_jobs(small) == (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )


def test_here_and_there_agree(tmp_path: Path) -> None:
    sources = write(tmp_path, "a.py", "b.py")
    here = {one.index: one.report for one in check_here(Checker(), sources)}
    assert by_name(sources, here) == run(sources)


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a group of processes")
def test_an_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    body = LEAK.partition("\n\n\n")
    files = 400  # which take far longer than it takes to interrupt them, on a busy machine too
    for number in range(files):
        functions = "\n\n\n".join(body[2].replace("read", f"read{n}") for n in range(150))
        (tmp_path / f"a{number}.py").write_text(f"{body[0]}\n\n\n{functions}", encoding="utf-8")
    started = subprocess.Popen(
        [sys.executable, "-m", "pooclint", "--verbose", "--jobs", "2", "."],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stderr is not None
    first = started.stderr.readline()  # the first file is done, the last is not
    os.killpg(started.pid, signal.SIGINT)
    output, errors = started.communicate(timeout=60)
    assert "checked" in first
    assert started.returncode == 130
    assert "Traceback" not in errors
    assert output == ""
    assert len(errors.splitlines()) < files - 1


def test_who_has_done_a_batch_goes_on_with_the_next() -> None:
    """Files of a folder import the same: a process that goes on where it is has parsed it already."""
    pending = workers._Pending([[0, 1], [2], [3, 4], [5], [6], [7]])
    first, second = pending.take(-1), pending.take(-1)
    assert (first, second) == ([0, 1], [5])
    assert pending.take(first[-1]) == [2]
    assert pending.take(second[-1]) == [6]
    pending.again.append([5])
    assert pending.take(2) == [5], "what is to be tried again comes first"
    assert pending.take(2) == [3, 4]
    assert pending.take(4) == [7], "5 is taken: from the longest stretch that is left"
    assert not pending


def test_batches_are_neighbours_and_hold_all() -> None:
    batches = workers._batches([10] * 90_000, 3)
    assert [index for batch in batches for index in batch] == list(range(90_000))
    assert len(batches) == 18
    assert workers._batches([200_000, 10, 200_000], 2) == [[0], [1], [2]]
