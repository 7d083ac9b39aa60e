"""`python -m benchmarks.reward_model`: what it reads, how it scores, how it fails, and that nothing is scored twice."""

import json

import pytest
import torch
from tiny_policy import build_policy
from tiny_rm import build_rm, program, statement

from benchmarks.reward_model import RewardModel, main
from benchmarks.rewards import judges
from benchmarks.rewards.evaluate import evaluate, items_of
from benchmarks.rewards.judges import FolderJudge, encode, settings_of
from benchmarks.rewards.readers import read
from benchmarks.rewards.row import Graded, Item, Preference
from code_reward.errors import CodeRewardError, DataError
from code_reward.reward_data import LabelledProgram
from code_reward.rm_input import Encoded, RMInput
from code_reward.rows import write_rows
from code_reward.verdict import Missing, Rejected, Scored


@pytest.fixture(scope="module")
def rm(tmp_path_factory):
    return build_rm(tmp_path_factory.mktemp("rm") / "rm")


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "preferences.jsonl"
    write_rows(
        path,
        [
            Preference(
                id=str(i), prompt=statement(i), chosen=[program(i)], rejected=[program(i + 1)], programs=True, tags={"half": str(i % 2)}
            )
            for i in range(4)
        ],
    )
    return path


def run(out, rm, rows, **options):
    return main(RewardModel(model=rm, sets=[f"preferences={rows}"], out=out, **options))


def test_figures_are_those_of_the_scores(tmp_path, rm, rows):
    assert run(tmp_path / "run", rm, rows) == 0
    judge = FolderJudge(rm, settings_of(rm, None, None))
    items = [[Item(statement(i), program(i + j), is_program=True) for j in (0, 1)] for i in range(4)]
    wins = [a.value > b.value for a, b in map(judge.score, items)]
    figures = json.loads((tmp_path / "run" / "figures.json").read_text())["sets"]["preferences"][""]
    assert (figures["correct"], figures["count"]) == (sum(wins), 4)
    assert set(figures["by"]["half"]) == {"0", "1"}
    assert "preferences by half" in (tmp_path / "run" / "report.md").read_text()


def test_a_run_that_was_stopped_scores_only_what_is_left(tmp_path, rm, rows, monkeypatch):
    scored = []
    score = FolderJudge.score

    def counting(self, items):
        if len(scored) == 4:
            raise KeyboardInterrupt
        scored.extend(items)
        return score(self, items)

    monkeypatch.setattr("benchmarks.rewards.score.AT_ONCE", 2)
    monkeypatch.setattr(FolderJudge, "score", counting)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", rm, rows)
    again = []
    monkeypatch.setattr(FolderJudge, "score", lambda self, items: again.extend(items) or score(self, items))
    assert run(tmp_path / "run", rm, rows) == 0
    assert len(scored) + len(again) == 8
    assert not set(scored) & set(again)
    monkeypatch.setattr(judges.FolderJudge, "__init__", lambda *_: pytest.fail("loaded again"))
    assert run(tmp_path / "run", rm, rows) == 0


def test_a_missing_score_is_no_loss_and_not_kept(tmp_path, rm, rows, monkeypatch):
    score = FolderJudge.score
    lost = Item(statement(0), program(0), is_program=True)

    def losing(self, items):
        return [Missing("not_finite") if item == lost else verdict for item, verdict in zip(items, score(self, items), strict=True)]

    monkeypatch.setattr(FolderJudge, "score", losing)
    assert run(tmp_path / "run", rm, rows) == 1
    assert json.loads((tmp_path / "run" / "figures.json").read_text())["sets"]["preferences"][""]["count"] == 3
    monkeypatch.setattr(FolderJudge, "score", score)
    assert run(tmp_path / "run", rm, rows) == 0


def test_other_languages_are_not_put_through_the_gate_of_python(rm):
    own = RMInput.load(rm)
    assert isinstance(encode(own, Item("Add.", "not a program (", is_program=True)), Rejected)
    body = "int add(int a, int b) { return a + b; }"
    bare = encode(own, Item("Add.", body, "cpp", is_program=True))
    assert isinstance(bare, Encoded)
    assert encode(own, Item("Add.", f"Here it is:\n```cpp\n{body}\n```\nDone.", "cpp")) == bare
    whole = RMInput.load(rm, settings_of(rm, "generic", None))
    answers = [encode(whole, Item("Add.", text, "cpp")) for text in (f"Here:\n```cpp\n{body}\n```", body)]
    assert answers[0] != answers[1]


def test_another_system_prompt_is_another_input(rm):
    inputs = [RMInput.load(rm, settings_of(rm, "generic", system)) for system in (None, "Judge speed alone.")]
    ids = [encode(one, Item("Add.", "Hello", "text")).ids for one in inputs]
    assert ids[0] != ids[1]


@pytest.mark.parametrize("method", ["logprob", "yes_no"])
def test_zero_shot_scores_do_not_depend_on_the_batch(tmp_path, method, monkeypatch):
    from benchmarks.rewards import causal

    folder = build_policy(tmp_path / "policy")
    items = [Item(statement(i), program(i) * (1 + i % 3), is_program=True) for i in range(6)]
    together = causal.CausalJudge(folder, method, "float32").score(items)
    monkeypatch.setattr(causal, "_BATCH_TOKENS", {"cpu": 1})
    alone = causal.CausalJudge(folder, method, "float32").score(items)
    assert all(isinstance(one, Scored) for one in together)
    assert [one.value for one in together] == pytest.approx([one.value for one in alone], abs=1e-4)
    assert len({one.value for one in together}) == 6


def test_the_odds_of_yes_are_finer_than_bfloat16(tmp_path):
    """Or programs that the model tells apart would tie."""
    from benchmarks.rewards.causal import CausalJudge

    judge = CausalJudge(build_policy(tmp_path / "policy"), "yes_no", "bfloat16")
    odds = torch.tensor([one.value for one in judge.score([Item(statement(i), program(i), is_program=True) for i in range(8)])])
    assert not torch.equal(odds, odds.bfloat16().float())


READABLE = {
    "rm_bench": {"id": 1, "prompt": "p", "chosen": ["a"] * 3, "rejected": ["b"] * 3, "language": "cpp"},
    "themis": {"prompt": "p", "chosen": "a", "rejected": "b", "aspect": "Security_Hardness", "language": "CSharp", "subset": "S"},
    "judgebench": {"pair_id": "1", "source": "livecodebench", "question": "q", "response_A": "a", "response_B": "b", "label": "B>A"},
    "rewardbench": {"id": 3, "prompt": "p", "chosen": "a", "rejected": "b", "subset": "hep-rust"},
    "humanevalpack": {"task_id": "Rust/1", "prompt": "p", "canonical_solution": "a", "buggy_solution": "b"},
    "verifiers": {"dataset": "HE_plus", "task_id": "1", "prompt": "p", "solution": "a", "rank": 1, "ground_average_test_score": 0.5},
}


@pytest.mark.parametrize("name", READABLE)
def test_published_rows_are_read_and_a_wrong_column_is_named(tmp_path, name):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(READABLE[name]) + "\n")
    (row,) = read(name, [path])
    if name == "judgebench":
        assert (row.chosen, row.rejected) == (["b"], ["a"])
    if name in ("rewardbench", "humanevalpack", "themis"):
        assert row.language == {"themis": "csharp"}.get(name, "rust")
    column = list(READABLE[name])[-1]
    if name != "rm_bench":
        path.write_text(json.dumps({key: value for key, value in READABLE[name].items() if key != column}) + "\n")
        with pytest.raises(CodeRewardError, match=f"row 1: .*{column}"):
            read(name, [path])


@pytest.mark.parametrize(
    ("prompt", "domain", "spoken"),
    [
        ("Write a C++ function `int f()` to solve", "code", "cpp"),
        ("Write an Erlang function `f` to solve", "code", "erlang"),
        ("Write a Python function `f` to solve", "code", "python"),
        ("Write a Python function", "chat", "text"),
        ("Solve this.", "code", "text"),
    ],
)
def test_the_language_of_a_code_prompt_is_the_one_that_it_asks_for(tmp_path, prompt, domain, spoken):
    """RM-Bench's whole file has no column of languages."""
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"id": 1, "prompt": prompt, "domain": domain, "chosen": ["a"] * 3, "rejected": ["b"] * 3}]))
    assert read("rm_bench", [path])[0].language == spoken


def test_an_answer_without_any_fence_is_read_whole(rm):
    """Two of RM-Bench's three styles tell the program amid prose."""
    own = RMInput.load(rm)
    assert isinstance(encode(own, Item("Add.", "First, this: def add(a, b): return a + b. Done.")), Encoded)
    assert isinstance(encode(own, Item("Add.", "```python\ndef add(\n```")), Rejected)


def test_every_chosen_answer_is_compared_with_every_rejected_one():
    rows = [
        Preference(id="a", prompt="p", chosen=["1", "2"], rejected=["0"]),
        Preference(id="b", prompt="p", chosen=["3"], rejected=["1", "4"]),
    ]
    figures = evaluate("preferences", rows, [Scored(float(item.answer)) for item in items_of(rows)], seed=0).figures[""]
    assert (figures.count, figures.correct) == (4, 3)


@pytest.mark.parametrize("name", ["verifiers", "pool"])
def test_a_task_of_which_a_score_is_missing_is_left_out_whole(name):
    """Of the others another answer would be the best."""
    rows = [
        Graded(task=task, part="HE_base", prompt="p", answer=f"{task}{i}", grade=float(i == 0), rank=i + 1)
        for task in "abc"
        for i in range(3)
    ]
    scores = [Scored(-float(row.rank)) for row in rows]
    whole = evaluate(name, rows, scores, seed=0)
    part = evaluate(name, rows, [Missing("timeout"), *scores[1:]], seed=0)
    (figures,), (left,) = whole.figures.values(), part.figures.values()
    assert (figures.tasks, left.tasks, part.missing) == (3, 2, 1)
    if name == "verifiers":
        assert left.top1 == figures.top1 == 1.0
    else:
        assert left.best_of[2].value == figures.best_of[2].value
    with pytest.raises(DataError, match="why they are missing"):
        evaluate(name, rows, [Missing("timeout")] * len(rows), seed=0)


def test_an_answer_without_a_program_stays_in_its_pool_and_is_nobody_s_to_score(tmp_path, rm):
    label = {"statement": "Add.", "entry_point": None, "outcome": ""}
    path = tmp_path / "pool.jsonl"
    write_rows(
        path,
        [
            LabelledProgram(problem_id=task, program=program(i) if i else "", passed=i == 1, **label)
            for task in ("a", "b")
            for i in range(4)
        ],
    )
    assert main(RewardModel(model=rm, sets=[f"pool={path}"], out=tmp_path / "run")) == 0
    figures = json.loads((tmp_path / "run" / "figures.json").read_text())["sets"]["pool"][""]
    assert (figures["answers"], figures["rejected"], figures["random"]) == (8, 2, 0.25)


def test_files_of_one_name_are_one_set(tmp_path, rm):
    paths = [tmp_path / "python.jsonl", tmp_path / "rust.jsonl"]
    for path in paths:
        path.write_text(
            json.dumps({**READABLE["humanevalpack"], "task_id": f"{path.stem.title()}/1", "canonical_solution": "x = 1"}) + "\n"
        )
    main(RewardModel(model=rm, sets=[f"humanevalpack={path}" for path in paths], out=tmp_path / "run"))
    figures = json.loads((tmp_path / "run" / "figures.json").read_text())["sets"]["humanevalpack"][""]
    assert set(figures["by"]["language"]) == {"python", "rust"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sets": ["rm_bench"]}, "rm_bench=FILE"),
        ({"sets": ["rm_bank=x.jsonl"]}, "no set 'rm_bank'"),
        ({"sets": ["themis=absent.jsonl"]}, "absent.jsonl does not exist"),
        ({"sets": []}, "Nothing to measure"),
        ({"model": None}, "Give --model"),
        ({"model": "nowhere"}, "nowhere does not exist"),
        ({"preset": "themes"}, "themes"),
        ({"url": ["http://127.0.0.1:9"]}, "127.0.0.1:9"),
    ],
)
def test_what_cannot_work_is_one_sentence(tmp_path, rm, rows, options, said):
    with pytest.raises(CodeRewardError, match=said):
        main(RewardModel(**{"model": rm, "sets": [f"preferences={rows}"], "out": tmp_path / "run", **options}))
