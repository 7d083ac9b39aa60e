import hashlib
import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psutil
import pytest

from code_reward import cli
from code_reward.errors import CodeRewardError
from code_reward.files import write_text
from code_reward.problem import CallTest, Problem, save_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import write_rows
from rm_train.figures import ScoredProgram
from scripts.quickstart import commands
from scripts.quickstart.commands import Command, start
from scripts.quickstart.figures import measure
from scripts.quickstart.settings import TINY, Quickstart, Sizes
from scripts.quickstart.stage import Run, Stage, watch
from scripts.quickstart.stages import plan

COPY = "import pathlib, sys; pathlib.Path('log').open('a').write('x'); pathlib.Path(sys.argv[2]).write_text(open(sys.argv[1]).read())"


@pytest.fixture(scope="module", autouse=True)
def _lightly() -> Iterator[None]:
    """What these commands need is imported without being asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "PRELOADED", [])
        yield


def script(folder: Path, code: str, *words: str, processes: int = 1) -> Command:
    """A command whose module, in `folder`, is this code."""
    name = f"work_{hashlib.sha256(code.encode()).hexdigest()[:16]}"
    (folder / f"{name}.py").write_text(code)
    return Command((name, *words), processes)


def copying(folder: Path, source: str, target: str, *more: str, name: str = "copy") -> Stage:
    return Stage(name, "Copy", (script(folder, COPY, source, target, *more),), (source,), (target,))


def times_done(folder: Path) -> int:
    log = folder / "log"
    return len(log.read_text()) if log.exists() else 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("first")
    return tmp_path


def test_a_stage_is_done_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        Run(folder).do(copying(folder, "a", "b"))
    assert (folder / "b").read_text() == "first"
    assert times_done(folder) == 1
    assert "there already" in capsys.readouterr().out
    record = Run(folder).record(copying(folder, "a", "b"))
    assert record["seconds"] > 0
    assert record["peak_mb"] > 1


def test_a_newer_input_makes_it_due(folder: Path) -> None:
    Run(folder).do(copying(folder, "a", "b"))
    (folder / "a").write_text("second")
    os.utime(folder / "a", (time.time() + 5,) * 2)
    Run(folder).do(copying(folder, "a", "b"))
    assert (folder / "b").read_text() == "second"


def test_a_newer_file_deep_in_an_input_folder_makes_it_due(folder: Path) -> None:
    (folder / "in" / "deep").mkdir(parents=True)
    (folder / "in" / "deep" / "file").write_text("x")
    stage = Stage("copy", "Copy", (script(folder, COPY, "a", "b"),), ("in",), ("b",))
    Run(folder).do(stage)
    os.utime(folder / "in" / "deep" / "file", (time.time() + 5,) * 2)
    Run(folder).do(stage)
    assert times_done(folder) == 2


@pytest.mark.parametrize("change", ["command", "output", "again"])
def test_a_changed_command_a_missing_output_and_a_wish_make_it_due(folder: Path, change: str) -> None:
    Run(folder).do(copying(folder, "a", "b"))
    if change == "output":
        (folder / "b").unlink()
    Run(folder, again=["copy"] if change == "again" else []).do(copying(folder, "a", "b", *(["--more"] if change == "command" else [])))
    assert times_done(folder) == 2
    assert (folder / "b").exists()


def test_what_depends_on_a_stage_done_again_is_done_again(folder: Path) -> None:
    stages = [copying(folder, "a", "b", name="first"), copying(folder, "b", "c", name="second"), copying(folder, "a", "d", name="apart")]
    for again in ([], ["first"]):
        for stage in stages:
            Run(folder, again=again).do(stage)
    assert times_done(folder) == 3 + 2


def test_a_failed_command_is_one_sentence_and_leaves_no_record(folder: Path) -> None:
    commands = (script(folder, COPY, "a", "b"), script(folder, "raise SystemExit(3)"), script(folder, COPY, "a", "c"))
    stage = Stage("bad", "Bad", commands, ("a",), ("b", "c"))
    for _ in range(2):
        with pytest.raises(CodeRewardError, match=r"failed with status 3 .*run again to go on") as caught:
            Run(folder).do(stage)
        assert "\n" not in str(caught.value)
    assert times_done(folder) == 2, "tried again, as it has no record, and nothing came after the failure"
    assert not (folder / "c").exists()


def test_a_stage_that_fails_when_done_again_loses_its_old_record(folder: Path) -> None:
    Run(folder).do(copying(folder, "a", "b"))
    (folder / "a").rename(folder / "moved")
    with pytest.raises(CodeRewardError):
        Run(folder, again=["copy"]).do(copying(folder, "a", "b"))
    (folder / "moved").rename(folder / "a")
    Run(folder).do(copying(folder, "a", "b"))
    assert times_done(folder) == 3


RUN = """
import os, pathlib, signal, sys
from scripts.quickstart.commands import PRELOADED, Command
from scripts.quickstart.stage import Run, Stage
PRELOADED.clear()
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = pathlib.Path(sys.argv[1])
(folder / 'runner').write_text(str(os.getpid()))
try:
    stages = [Stage(name, 'Work', (Command((module,)),), ('a',), ('result',)) for name, module in zip(('work', 'beside'), sys.argv[2:])]
    Run(folder).do(*stages)
except KeyboardInterrupt:
    os._exit(7)
"""
"""A run of one stage, and perhaps one beside it, in a process of its own, which can be killed and interrupted."""


def outcome_of_a_run(folder: Path, *commands: Command) -> tuple[int, str]:
    """Its status and what it printed."""
    modules = [command.words[0] for command in commands]
    done = subprocess.run([sys.executable, "-c", RUN, str(folder), *modules], check=False, stdout=subprocess.PIPE, text=True)
    return done.returncode, done.stdout


def test_a_killed_run_takes_up_its_work(folder: Path) -> None:
    """A command that keeps its progress and kills whoever runs it half-way."""
    work = """
import os, pathlib, signal
done = pathlib.Path('progress')
for step in range(len(done.read_text()) if done.exists() else 0, 4):
    with done.open('a') as file: file.write(str(step))
    if step == 1: os.kill(int(pathlib.Path('runner').read_text()), signal.SIGKILL); os._exit(0)
pathlib.Path('result').write_text(done.read_text())
print('the work is done')
"""
    assert outcome_of_a_run(folder, script(folder, work))[0] == -signal.SIGKILL
    assert not (folder / "stages" / "work.json").exists()
    status, printed = outcome_of_a_run(folder, script(folder, work))
    assert status == 0
    assert "the work is done" in printed
    assert (folder / "result").read_text() == "0123"


@pytest.mark.parametrize("change", ["", "command", "input"])
def test_checkpoints_of_a_killed_stage_are_kept_for_the_same_work_only(folder: Path, change: str) -> None:
    work = "import pathlib, sys; pathlib.Path('found').write_text(str(pathlib.Path('rm.checkpoints/one').exists())); sys.exit(int({}))"

    def stage(status: int, more: str = "") -> Stage:
        (folder / "status").write_text(f"{status}")
        code = work.format("pathlib.Path('status').read_text()")
        return Stage("train", "Train", (script(folder, code, "--out", "rm", more),), ("a",), ("found",))

    with pytest.raises(CodeRewardError):
        Run(folder).do(stage(1))
    (folder / "rm.checkpoints").mkdir()
    (folder / "rm.checkpoints" / "one").touch()
    if change == "input":
        os.utime(folder / "a", (time.time() + 5,) * 2)
    Run(folder).do(stage(0, "--tiny" if change == "command" else ""))
    assert (folder / "found").read_text() == str(change == "")


def ended(number: int) -> bool:
    """Whether a process is gone, or waits for nothing but that its parent looks."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_an_interrupted_run_leaves_no_process_behind(folder: Path) -> None:
    """Interrupted once what the command started, in a session of its own as torchrun's workers are, has said that it lives."""
    work = """
import os, pathlib, signal, subprocess, sys, time
sleeper = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)
pathlib.Path('sleeper').write_text(str(sleeper.pid))
os.kill(int(pathlib.Path('runner').read_text()), signal.SIGINT)
time.sleep(60)
"""
    assert outcome_of_a_run(folder, script(folder, work))[0] == 7
    assert ended(int((folder / "sleeper").read_text()))


def test_an_interrupted_run_ends_what_runs_beside(folder: Path) -> None:
    beside = "import os, pathlib, time; pathlib.Path('beside').write_text(str(os.getpid())); time.sleep(600)"
    interrupt = """
import os, pathlib, signal, time
while not (beside := pathlib.Path('beside')).exists() or not beside.read_text(): time.sleep(0.05)
os.kill(int(pathlib.Path('runner').read_text()), signal.SIGINT)
time.sleep(600)
"""
    assert outcome_of_a_run(folder, script(folder, interrupt), script(folder, beside))[0] == 7
    assert ended(int((folder / "beside").read_text()))


def test_a_process_that_ends_while_it_is_being_ended_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = psutil.Process.terminate

    def too_late(process: psutil.Process) -> None:
        real(process)
        raise psutil.NoSuchProcess(process.pid)

    monkeypatch.setattr(psutil.Process, "terminate", too_late)
    processes = start(script(folder, "import time; time.sleep(600)"), folder=folder)
    commands.stop(processes)
    assert [process.is_alive() for process in processes] == [False]


def test_memory_that_may_not_be_read_counts_with_what_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "memory_full_info", refused)
    with watch() as usage:
        pass
    assert usage.peak_mb > 1


def test_a_server_that_does_not_start_is_one_sentence_and_its_log_says_why(folder: Path) -> None:
    stage = Stage("served", "Served", (script(folder, "raise SystemExit('never')"),), ("a",), (), serve="no_model")
    with pytest.raises(CodeRewardError, match="did not start") as caught:
        Run(folder).do(stage)
    log = folder / "stages" / "served.server.log"
    assert str(log) in str(caught.value)
    assert "no_model" in log.read_text()


def test_a_stage_beside_another_runs_at_the_same_time_and_prints_into_its_log(folder: Path) -> None:
    # Each waits for the other's file, so one after the other they would wait for ever.
    meet = "import pathlib, time\npathlib.Path('{0}').touch()\nwhile not pathlib.Path('{1}').exists(): time.sleep(0.05)\nprint('met {1}')"
    one, two = (Stage(mine, mine, (script(folder, meet.format(mine, other)),)) for mine, other in (("here", "there"), ("there", "here")))
    Run(folder).do(one, two)
    assert (folder / "stages" / "there.log").read_text() == "met here\n"
    assert all(Run(folder).record(stage)["seconds"] > 0 for stage in (one, two))


def test_a_stage_beside_another_that_fails_says_where_its_words_are(folder: Path) -> None:
    one, two = Stage("one", "One", (script(folder, "pass"),)), Stage("two", "Two", (script(folder, "raise SystemExit('no mutants')"),))
    with pytest.raises(CodeRewardError, match="failed with status 1") as caught:
        Run(folder).do(one, two)
    log = folder / "stages" / "two.log"
    assert str(log) in str(caught.value)
    assert "no mutants" in log.read_text()
    assert Run(folder).record(one)["seconds"] > 0, "what is done is not lost"


def test_a_server_that_hangs_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[ForkServerProcess] = []

    def hang(command: Command, **options: Any) -> list[ForkServerProcess]:
        if "reward_servers.embedded" in command.words:
            command = script(folder, "import time; print('loading', flush=True); time.sleep(600)")
        begun.extend(processes := start(command, **options))
        return processes

    monkeypatch.setattr("scripts.quickstart.stage.START_SECONDS", 0.5)
    monkeypatch.setattr("scripts.quickstart.stage.start", hang)
    with pytest.raises(CodeRewardError, match="did not start"):
        Run(folder).do(Stage("served", "Served", (script(folder, "pass"),), ("a",), (), serve="model"))
    assert [process.is_alive() for process in begun] == [False]


def test_processes_of_one_command_meet(folder: Path) -> None:
    """Each adds its rank and one; the sum is the same in both, so they have met."""
    meet = """
import os, pathlib, torch, torch.distributed as group
group.init_process_group('gloo')
mine = torch.tensor([group.get_rank() + 1])
group.all_reduce(mine)
pathlib.Path(f"met{os.environ['RANK']}").write_text(str(int(mine)))
group.destroy_process_group()
"""
    Run(folder).do(Stage("meet", "Meet", (script(folder, meet, processes=2),)))
    assert [(folder / f"met{rank}").read_text() for rank in range(2)] == ["3", "3"]


def test_one_of_several_processes_that_fails_ends_the_others(folder: Path) -> None:
    fail = "import os, time\nif os.environ['RANK'] == '1': raise SystemExit(4)\ntime.sleep(600)"
    with pytest.raises(CodeRewardError, match=r"--nproc-per-node 2 -m work_.* failed with status 4"):
        Run(folder).do(Stage("fail", "Fail", (script(folder, fail, processes=2),)))


def test_what_is_imported_once_is_there() -> None:
    """The fork server says nothing of a module that it does not find."""
    assert all(importlib.util.find_spec(name) for name in commands.PRELOADED)


@pytest.mark.parametrize("compare", [False, True])
def test_every_input_of_the_plan_is_made_by_an_earlier_stage(compare: bool) -> None:
    made: set[str] = set()
    stages = plan(Sizes(), 0, compare=compare)
    for stage in stages:
        for name in (*stage.inputs, *([stage.serve] if stage.serve else [])):
            assert any(Path(name).is_relative_to(output) for output in made), f"{stage.name} reads {name}, which nothing makes"
        made.update(stage.outputs)
    assert len({stage.name for stage in stages}) == len(stages)
    outputs = [output for stage in stages for output in stage.outputs]
    assert len(set(outputs)) == len(outputs), "two stages write the same file"


@pytest.mark.parametrize("compare", [False, True])
def test_every_command_of_the_plan_is_one_that_its_module_takes(compare: bool) -> None:
    for stage in plan(TINY, 3, compare=compare):
        for command in stage.commands:
            words = command.words
            package = importlib.import_module(words[0])
            name = f"{words[0]}.__main__" if hasattr(package, "__path__") else words[0]
            module = importlib.import_module(name)
            classes = [thing for thing in vars(module).values() if isinstance(thing, type) and issubclass(thing, cli.Command)]
            [settings] = [thing for thing in classes if not any(other.__base__ is thing for other in classes)]
            arguments = [word.replace("{url}", "http://127.0.0.1:1") for word in words[1:]]
            settings(_cli_parse_args=arguments)
            assert ("{url}" in str(command)) <= (stage.serve is not None)


def test_a_tiny_run_is_smaller_in_everything_that_costs_time() -> None:
    assert Quickstart(tiny=True).sizes == TINY
    assert Quickstart().sizes == Sizes()
    assert all(getattr(TINY, name) <= value for name, value in Sizes() if isinstance(value, int | float))


def hand_made_run(folder: Path) -> tuple[Run, list[Stage]]:
    """Six test problems, four of them of known families; the policy goes from 1/2 to 1 on the known ones and stays at 0 on the others."""
    parts = ["known"] * 4 + ["held_out"] * 2
    test = CallTest(args="()", expected="1")
    save_problems(
        folder / "problems" / "test.jsonl",
        [Problem.model_validate({"id": f"p{i}", "statement": "?", "tests": [test], "part": part}) for i, part in enumerate(parts)],
    )

    def row(i: int, program: str, passed: bool, **more: object) -> dict[str, object]:
        return {"problem_id": f"p{i}", "statement": "?", "program": program, "passed": passed, **more}

    before = [row(i, f"x = {j}" if i else "", j == 0 and i < 4, outcome="" if i else "does_not_parse") for i in range(6) for j in range(2)]
    after = [row(i, "x = 0", i < 4) for i in range(6) for j in range(2)]
    for name, rows in (("before", before), ("after_rm", after), ("after_syntax", before)):
        write_rows(folder / f"{name}.parquet", [LabelledProgram.model_validate(r) for r in rows])
    rollouts = [row(i, "x = 1", step > 0, step=step, reward=float(step) if i else None) for step in range(3) for i in range(2)]
    for arm in ("rm", "syntax"):
        write_rows(folder / f"rollouts_{arm}.parquet", [LabelledProgram.model_validate(r) for r in rollouts])
    scored = [
        row(i, program, origin == "reference", origin=origin, score=score + i / 10)
        for i in range(6)
        for program, origin, score in (("r", "reference", 2.0), ("m", "mutant", 0.0), ("q", "policy", 3.0))
    ]
    write_rows(folder / "rm.evaluation.scores.parquet", [ScoredProgram.model_validate(r) for r in scored])
    stages = [Stage(name, f"Stage {name}", (Command(("nothing",)),)) for name in ("before", "after_rm", "after_syntax")]
    for seconds, stage in enumerate(stages, start=1):
        write_text(folder / "stages" / f"{stage.name}.json", json.dumps({"seconds": seconds, "peak_mb": 100 * seconds}))
    return Run(folder), stages


def test_the_figures_are_those_of_the_files(tmp_path: Path) -> None:
    figures = measure(*hand_made_run(tmp_path), seed=5)
    assert figures.problems == {"known": 4, "held_out": 2}
    assert {part: figure.value for part, figure in figures.before.items()} == {"known": 0.5, "held_out": 0.0}
    found = {(arm.arm, arm.part): (arm.after.value, arm.gain.value) for arm in figures.arms}
    assert found == {
        ("rm", "known"): (1.0, 0.5),
        ("rm", "held_out"): (0.0, 0.0),
        ("syntax", "known"): (0.5, 0.0),
        ("syntax", "held_out"): (0.0, 0.0),
    }
    assert {arm: {other: figure.value for other, figure in over.items()} for arm, over in figures.over.items()} == {
        "rm": {"syntax": 0.5},
        "syntax": {"rm": -0.5},
    }
    # One of the four known problems has two samples that do not parse, the others have two different programs each.
    wrote = {name: (samples.unparsable.value, samples.distinct.value) for name, samples in figures.samples.items()}
    assert wrote == {"before": (0.25, 1.5), "rm": (0.0, 1.0), "syntax": (0.25, 1.5)}
    for part in ("known", "held_out"):
        accuracies = {origin: result.pair_accuracy.value for origin, result in figures.reward_model[part].items()}
        assert accuracies == {"all": 0.5, "mutant": 1, "policy": 0}
    assert figures.seconds == {"before": 1, "after_rm": 2, "after_syntax": 3}
    assert figures.peak_mb["after_syntax"] == 300


def test_a_run_without_rivals_compares_nothing(tmp_path: Path) -> None:
    from scripts.quickstart.report import write_report

    run, stages = hand_made_run(tmp_path)
    text = write_report(run, stages[:2], seed=0).read_text()
    assert "above:" not in text
    assert "| after: reward model | 0.0 [0.0, 0.0] | 1.0 [1.0, 1.0] |" in text


def test_the_report_holds_the_figures_and_its_pictures(tmp_path: Path) -> None:
    from scripts.quickstart.report import write_report

    report = write_report(*hand_made_run(tmp_path), seed=5)
    text = report.read_text()
    assert "| after: reward model | 100.0 [100.0, 100.0], gain +50.0" in text
    assert "| reward | above: reward model | above: syntax check alone |" in text
    assert "| reward model |  | +50.0 [50.0, 50.0] |" in text
    assert "| before | 25.0 [0.0, " in text
    assert "| mutant (known families) | 1.000" in text
    assert "| all | 6 | 300 |" in text
    pictures = [line.partition("(")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(pictures) >= 3
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    assert json.loads((tmp_path / "figures.json").read_text())["seed"] == 5
    assert sys.modules["matplotlib"].get_backend().lower() == "agg", "no display is needed"
