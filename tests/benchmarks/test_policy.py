"""`python -m benchmarks.policy`: what it asks, what it counts, how it fails, and that nothing is done twice."""

import json

import pytest

from benchmarks.policy import Policy, main
from benchmarks.run_folder import read_judged
from benchmarks.sampling import endpoint as endpoint_module
from code_reward.errors import CodeRewardError

EXPECTED = {"HumanEval/0": ("pass", "pass"), "HumanEval/1": ("pass", "fail"), "HumanEval/2": ("fail", "fail")}


def policy(out, humaneval, **options):
    return Policy(**{"sets": ["humaneval"], "referee": "sandbox", "out": out, "humaneval_file": humaneval, **options})


def test_an_endpoint_is_sampled_judged_and_reported(tmp_path, humaneval, endpoint):
    out = tmp_path / "run"
    assert main(policy(out, humaneval, endpoint=endpoint.url)) == 0
    judged = {one.task_id: (one.sandbox["HumanEval"], one.sandbox["HumanEval+"]) for one in read_judged(out)}
    assert judged == EXPECTED
    figures = json.loads((out / "figures.json").read_text())["columns"]
    assert figures["HumanEval"]["passes"]["1"]["value"] == pytest.approx(2 / 3)
    assert figures["HumanEval+"]["passes"]["1"]["value"] == pytest.approx(1 / 3)
    report = (out / "report.md").read_text()
    assert "the project's own sandbox" in report
    assert "HumanEval+ | 3 | 33.3" in report
    assert (out / "plots" / "passes.png").stat().st_size > 0


def test_the_report_tells_tokens_and_what_they_cost(tmp_path, humaneval, endpoint):
    settings = policy(tmp_path / "run", humaneval, endpoint=endpoint.url, price_read=2.0, price_written=10.0)
    for _ in range(2):  # The second start asks nothing, and what the first has paid still counts.
        main(settings)
        conventions = json.loads((tmp_path / "run" / "figures.json").read_text())["conventions"]
        assert conventions["tokens, humaneval"] == "33 read, 21 written: 0.0003"
    main(policy(tmp_path / "free", humaneval, endpoint=endpoint.url))
    assert "| tokens, humaneval | 33 read, 21 written |" in (tmp_path / "free" / "report.md").read_text()


def test_a_run_that_was_stopped_asks_only_what_is_left(tmp_path, humaneval, endpoint, monkeypatch):
    monkeypatch.setattr(endpoint_module, "_ATTEMPTS", 1)
    endpoint.status["times"] = 500
    settings = policy(tmp_path / "run", humaneval, endpoint=endpoint.url, concurrency=1)
    with pytest.raises(CodeRewardError, match=r"status 500.*give the same command again"):
        main(settings)
    endpoint.status.clear()
    assert main(settings) == 0
    assert endpoint.asked == ["plus", "minus", "times", "times"]
    assert main(settings) == 0
    assert len(endpoint.asked) == 4


def choice(ended, **message):
    return {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": ended}]}


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": []},
        {"error": {"message": "overloaded"}},
        choice("abort", content=None),
        choice("error", content="def"),
        choice(None, content=None),
    ],
)
def test_what_is_no_finished_answer_is_asked_again_and_never_counted(tmp_path, humaneval, endpoint, monkeypatch, odd):
    monkeypatch.setattr(endpoint_module, "_FIRST_WAIT", 0.01)
    endpoint.odd = [odd]
    assert main(policy(tmp_path / "run", humaneval, endpoint=endpoint.url)) == 0
    assert len(endpoint.asked) == 4
    endpoint.odd = [odd] * 20
    with pytest.raises(CodeRewardError, match="gave no answer"):
        main(policy(tmp_path / "other", humaneval, endpoint=endpoint.url))


def test_an_answer_that_takes_too_long_is_not_asked_for_again(tmp_path, humaneval, endpoint):
    endpoint.slow = 30.0
    with pytest.raises(CodeRewardError, match=r"longer than 2 s; give --timeout more"):
        main(policy(tmp_path / "run", humaneval, endpoint=endpoint.url, timeout=2, concurrency=1))
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_that_a_server_tells_apart_is_no_part_of_the_answer(tmp_path, humaneval, endpoint, name):
    draft = "```python\ndef plus(a, b):\n    return 'a draft that is longer than the answer'\n```"
    for style in ("plain", "thinking"):
        endpoint.odd = [choice("stop", content=endpoint.answers[task], **{name: draft}) for task in ("plus", "minus", "times")]
        out = tmp_path / style
        assert main(policy(out, humaneval, endpoint=endpoint.url, style=style, concurrency=1)) == 0
        assert {one.task_id: (one.sandbox["HumanEval"], one.sandbox["HumanEval+"]) for one in read_judged(out)} == EXPECTED


def test_an_endpoint_is_asked_as_evalplus_s_own_client_asks_it(tmp_path, humaneval, endpoint):
    main(policy(tmp_path / "run", humaneval, endpoint=endpoint.url))
    system, user = endpoint.bodies[0]["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert "markdown code block:\n```python\ndef " in user["content"]
    assert user["content"].endswith('"""\n```')


def test_another_file_or_another_served_model_is_another_run(tmp_path, humaneval, endpoint):
    out = tmp_path / "run"
    main(policy(out, humaneval, endpoint=endpoint.url))
    assert json.loads((out / "figures.json").read_text())["conventions"]["policy"] == "tiny at an endpoint"
    endpoint.served = ["other"]
    main(policy(out, humaneval, endpoint=endpoint.url))  # Nothing is asked, and what was, was asked of the first.
    assert json.loads((out / "figures.json").read_text())["conventions"]["policy"] == "tiny at an endpoint"
    with pytest.raises(CodeRewardError, match="another served_model"):
        main(policy(out, humaneval, endpoint=endpoint.url, served_model="other"))
    humaneval.write_text(humaneval.read_text().replace("two numbers", "two integers"))
    with pytest.raises(CodeRewardError, match="another tasks"):
        main(policy(out, humaneval, endpoint=endpoint.url))


def test_runs_that_share_no_problem_are_said_to(tmp_path, humaneval, endpoint):
    main(policy(tmp_path / "one", humaneval, endpoint=endpoint.url, limit=2))
    rows = humaneval.read_text().splitlines()
    humaneval.write_text("\n".join(rows[::-1]) + "\n")
    main(policy(tmp_path / "two", humaneval, endpoint=endpoint.url, limit=2, compare=[tmp_path / "one"]))
    assert "too few shared problems" in (tmp_path / "two" / "report.md").read_text()


def test_a_referee_that_was_killed_while_it_wrote_is_run_again(tmp_path):
    from benchmarks.referees import evalplus
    from benchmarks.referees.files import RESULTS

    class Referee:
        runs = 0

        def run(self, words, folder, variables):
            self.runs += 1
            if words[1] == "evalplus.sanitize":
                (folder / "samples-sanitized.jsonl").write_bytes((folder / "samples.jsonl").read_bytes())
            else:
                (folder / RESULTS).write_text(json.dumps({"eval": {"t": [{"base_status": "pass", "plus_status": "fail"}]}}))

    referee = Referee()
    (tmp_path / "samples-sanitized.jsonl").write_text('{"task_id": "t", "solu')
    (tmp_path / RESULTS).write_text('{"eval": {"t": [')
    assert evalplus.sanitize(referee, tmp_path, "humaneval", {"t": {}}, [("t", "x")]) == ["x"]
    assert evalplus.evaluate(referee, tmp_path, "humaneval") == {"t": [{"base": "pass", "plus": "fail"}]}
    assert referee.runs == 2
    (tmp_path / RESULTS).write_text('{"eval": {"t": [')
    evalplus.evaluate(referee, tmp_path, "humaneval")
    assert referee.runs == 3


def test_two_runs_are_compared_on_the_same_problems(tmp_path, humaneval, endpoint):
    main(policy(tmp_path / "one", humaneval, endpoint=endpoint.url))
    main(policy(tmp_path / "two", humaneval, endpoint=endpoint.url, compare=[tmp_path / "one"]))
    differences = json.loads((tmp_path / "two" / "figures.json").read_text())["differences"]
    assert differences[str(tmp_path / "one")]["HumanEval"]["value"] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"endpoint": "http://127.0.0.1:9/v1"}, "gave no answer .*kept"),
        ({"endpoint": "http://127.0.0.1:9/v1", "model": "somewhere"}, "either --model or --endpoint"),
        ({"model": "nowhere"}, "nowhere does not exist"),
        ({"endpoint": "x", "samples": 2}, "--temperature"),
        ({"endpoint": "x", "humaneval_file": "absent.jsonl"}, "absent.jsonl does not exist"),
        ({"endpoint": "x", "sets": ["humanevil"]}, "no set 'humanevil'"),
        ({"endpoint": "x", "sets": ["bcb_hard"], "bcb_hard_file": "BCB"}, "bcb_hard needs its own referee"),
        ({"endpoint": "x", "referee": "published", "referees": "elsewhere/.venv-referees"}, "make install-referees"),
        ({"endpoint": "x", "compare": ["nothing-there"]}, "no finished run"),
        ({"endpoint": "x", "key_variable": "NO_SUCH_KEY"}, "NO_SUCH_KEY"),
    ],
)
def test_what_cannot_work_is_one_sentence(tmp_path, humaneval, monkeypatch, options, said):
    monkeypatch.setattr(endpoint_module, "_ATTEMPTS", 1)
    if options.get("bcb_hard_file"):
        names = ("task_id", "complete_prompt", "instruct_prompt", "canonical_solution", "code_prompt", "test", "entry_point", "libs")
        (tmp_path / "bcb.jsonl").write_text(json.dumps(dict.fromkeys(names, "x")) + "\n")
        options = options | {"bcb_hard_file": tmp_path / "bcb.jsonl"}
    with pytest.raises(CodeRewardError, match=said):
        main(
            policy(
                tmp_path / "run",
                **{"humaneval": humaneval, **options},
            )
        )


def test_a_wrong_column_is_named(tmp_path, humaneval, endpoint):
    rows = [json.loads(line) for line in humaneval.read_text().splitlines()]
    del rows[1]["plus_input"]
    humaneval.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(CodeRewardError, match="row 2: no column 'plus_input'"):
        main(policy(tmp_path / "run", humaneval, endpoint=endpoint.url))


def test_another_run_in_the_same_folder_is_refused(tmp_path, humaneval, endpoint):
    out = tmp_path / "run"
    main(policy(out, humaneval, endpoint=endpoint.url))
    with pytest.raises(CodeRewardError, match="another temperature"):
        main(policy(out, humaneval, endpoint=endpoint.url, temperature=0.5))


def test_a_failure_of_the_sandbox_is_no_failure_of_the_answer(tmp_path, humaneval, endpoint, monkeypatch):
    from benchmarks import sandbox_judge
    from reward_servers.sandbox.outcome import Outcome

    async def broken(sandbox, case, limits):
        return Outcome(kind="sandbox_error", message="out of order") if "plus" in case.program else Outcome(kind="failed")

    monkeypatch.setattr(sandbox_judge, "_run", broken)
    out = tmp_path / "run"
    assert main(policy(out, humaneval, endpoint=endpoint.url)) == 1
    column = json.loads((out / "figures.json").read_text())["columns"]["HumanEval"]
    assert (column["missing"], column["problems"]) == (1, 2)

    async def all_broken(sandbox, case, limits):
        return Outcome(kind="sandbox_error", message="out of order")

    monkeypatch.setattr(sandbox_judge, "_run", all_broken)
    with pytest.raises(CodeRewardError, match="fewer than two problems have a verdict"):
        main(policy(tmp_path / "none", humaneval, endpoint=endpoint.url))
