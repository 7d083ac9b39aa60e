"""The comparison of rewards without tests: states are those of each program alone, and no score has seen the label that it is judged by."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from tiny_policy import build_policy, statement
from transformers import AutoModelForCausalLM, AutoTokenizer

from code_reward.cli import run
from code_reward.errors import ConfigurationError
from code_reward.reward_data import LabelledProgram
from code_reward.rows import write_rows
from code_reward.selection.matrix import ResultsMatrix, save_matrices
from rm_train.figures import ScoredProgram
from scripts.real_claim import network
from scripts.real_claim.__main__ import RealClaim, main
from scripts.real_claim.draw import draw
from scripts.real_claim.levels import levelled, levels, summary
from scripts.real_claim.measures import pair_accuracy
from scripts.real_claim.nested import Nested, grow, nest, parts_of, pick
from scripts.real_claim.reading import QUESTION
from scripts.real_claim.ridge import Moments
from scripts.real_claim.rivals import scores_of
from scripts.real_claim.states import POOLS, Backbone, Problem

LAYERS = (0, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_policy(tmp_path_factory.mktemp("policy"))


def program(number, sign="+", tail=""):
    return f"def shift(n):\n    return n {sign} {number}{tail}"


def labelled(number):
    """Seven samples of a problem, two of them alike: additions are right."""
    programs = [program(number), program(number), *(program(number, "+", tail) for tail in ("\n\nx = 1", " + 0"))]
    programs += [program(number, "-"), program(number, "*"), program(number, "-", "\n\nprint(shift)")]
    return [
        LabelledProgram(problem_id=f"p/{number}", statement=statement(number), program=one, passed="+ " in one and "print" not in one)
        for one in programs
    ]


def test_states_of_shared_rows_are_those_of_every_program_alone(folder):
    problem = Backbone(folder, LAYERS, row_tokens=128, dtype="float32").read("p", labelled(3))
    assert problem.counts.tolist() == [2, 1, 1, 1, 1, 1]
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    def ids_of(turns, **options):
        text = tokenizer.apply_chat_template(turns, tokenize=False, **options)
        return tokenizer.encode(text.rstrip() if not options else text, add_special_tokens=False)

    def conversation(text):
        return [{"role": "user", "content": statement(3)}, {"role": "assistant", "content": text}]

    others = [ids_of(conversation(text)) for text in problem.programs]
    for place, text in enumerate(problem.programs):
        turns = conversation(text)
        answer = ids_of(turns)
        asked = ids_of([*turns, {"role": "user", "content": QUESTION}], add_generation_prompt=True)
        assert asked[: len(answer)] == answer
        start = len(ids_of(turns[:1], add_generation_prompt=True))
        with torch.inference_mode():
            out = model(torch.tensor([asked]), output_hidden_states=True)
        states = torch.stack(out.hidden_states)[list(LAYERS), 0]
        end = len(answer) - 1
        found = torch.from_numpy(problem.states[place])
        torch.testing.assert_close(found[0], states[:, start:end].mean(1), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found[2], states[:, end], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found[3], states[:, -1], atol=1e-5, rtol=1e-4)
        chances = out.logits[0].log_softmax(-1)
        told = np.array([float(chances[at - 1, asked[at]]) for at in range(start, end + 1)])
        shared = next(at for at in range(end) if len({other[at] for other in others}) > 1)
        own = np.sort(told[shared - start : -1])
        low = own[: math.ceil(len(own) / 4)].mean()
        np.testing.assert_allclose(problem.chances[place], [told[:-1].mean(), own.mean(), own[0], low, told[-1]], atol=1e-4)
        words = [tokenizer.encode(word, add_special_tokens=False)[0] for word in ("Yes", "No")]
        assert problem.yes[place] == pytest.approx(float(out.logits[0, -1, words[0]] - out.logits[0, -1, words[1]]), abs=1e-4)
        assert problem.length[place] == end - start


def test_the_part_that_candidates_do_not_share_is_what_differs(folder):
    problem = Backbone(folder, (0,), row_tokens=512, dtype="float32").read("p", labelled(3))
    embeddings = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).get_input_embeddings()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer.encode(text, add_special_tokens=False) for text in problem.programs]
    shared = next(at for at, tokens in enumerate(zip(*ids, strict=False)) if len(set(tokens)) > 1)
    own = embeddings(torch.tensor(ids[0][shared:])).mean(0).detach()
    torch.testing.assert_close(torch.from_numpy(problem.states[0, 1, 0]), own, atol=1e-5, rtol=1e-4)


def test_a_head_is_the_least_squares_solution_over_pairs():
    draw = np.random.default_rng(0)
    problems = [(draw.normal(size=(9, 4)), np.arange(9) < split) for split in (2, 5, 8)]
    parts = [Moments.of(states, passed) for states, passed in problems]
    strength = 0.5
    differences = [
        (states[one] - states[other], 1 / (passed.sum() * (~passed).sum()))
        for states, passed in problems
        for one in np.flatnonzero(passed)
        for other in np.flatnonzero(~passed)
    ]
    rows = np.array([row for row, _ in differences])
    weights = np.array([weight for _, weight in differences])
    matrix = (rows * weights[:, None]).T @ rows
    expected = np.linalg.solve(matrix + strength * np.diag(np.diag(matrix)), rows.T @ weights)
    np.testing.assert_allclose(Moments.total(parts).heads([strength])[0], expected, rtol=1e-9)
    assert Moments.of(problems[0][0], np.ones(9, bool)) is None


def made_up(count=15, width=6, seed=0):
    """Problems whose right programs lie in one direction, with noise."""
    draw = np.random.default_rng(seed)
    problems = []
    for number in range(count):
        passed = draw.permutation(10) < 4
        states = draw.normal(size=(10, len(POOLS), 1, width))
        states[:, 0, 0, 0] += 3 * passed
        chances, yes, length = draw.normal(size=(10, 5)) + number / 5, draw.normal(size=10), 5 + draw.random(10)
        name, texts = f"p{number}", [str(one) for one in range(10)]
        problems.append(Problem(name, [0], texts, states, chances, yes, length, passed, np.ones(10, int), 0.0, 0.0))
    return problems


def first_state(problem):
    return problem.states[:, 0, 0]


def test_no_score_has_seen_a_label_of_the_part_that_it_is_used_for():
    problems, part = made_up(), parts_of(15, 5, seed=1)
    outer = 2
    # The labels of that part turned round: whatever may be looked at for it stays as it was.
    turned = [
        dataclasses.replace(problem, passed=~problem.passed) if own == outer else problem
        for problem, own in zip(problems, part, strict=True)
    ]
    members, others = ({f"{s}": one for s, one in nest(some, first_state, part).items()} for some in (problems, turned))
    for name in members:
        for before, after in zip(members[name].scores[outer], others[name].scores[outer], strict=True):
            np.testing.assert_array_equal(before, after)
    assert pick(members, problems, part)[1][outer] == pick(others, turned, part)[1][outer]
    grown, again = grow(members, problems, part, 4)[0], grow(others, turned, part, 4)[0]
    np.testing.assert_array_equal(np.stack(grown.scores[outer]), np.stack(again.scores[outer]))
    features = [np.array([summary(problem) for problem in problems])]
    above, below = (levelled(one, some, part, features) for one, some in ((grown, problems), (again, turned)))
    np.testing.assert_array_equal(np.stack(above.scores[outer]), np.stack(below.scores[outer]))


def test_nor_has_a_score_that_a_choice_looks_at_seen_its_own_label():
    problems, part = made_up(), parts_of(15, 5, seed=1)
    place = int(np.flatnonzero(part == 3)[0])
    turned = [dataclasses.replace(one, passed=~one.passed) if at == place else one for at, one in enumerate(problems)]
    for before, after in zip(nest(problems, first_state, part).values(), nest(turned, first_state, part).values(), strict=True):
        for outer in range(5):
            np.testing.assert_array_equal(before.scores[outer][place], after.scores[outer][place])


def test_heads_and_levels_find_what_is_there():
    problems, part = made_up(30), parts_of(30, 5, seed=0)
    found = nest(problems, first_state, part)[1.0]
    assert found.chosen(problems, part, 0) > 0.9
    assert Nested.constant([np.zeros(10)] * 30, 5).chosen(problems, part, 0) == 0.5
    shares = np.linspace(0, 1, 30)
    told = levels(np.array([summary(problem) for problem in problems]), shares, part, 0.1)
    own = np.array([told[outer, place] for place, outer in enumerate(part)])
    assert np.corrcoef(own, shares)[0, 1] > 0.9


def test_a_network_learns_what_pairs_have_in_common():
    problems = made_up(24)
    score = network.learn(problems[:16], 0, seed=0)
    assert np.mean([pair_accuracy(score(problem), problem.passed) for problem in problems[16:]]) > 0.85


def test_the_command_reports_and_goes_on(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(network, "STEPS", 1)
    rows = [row for number in range(12) for row in labelled(number)]
    write_rows(tmp_path / "labelled.jsonl", rows)
    matrices = [
        ResultsMatrix(
            problem_id=f"p/{number}",
            correct=[row.passed for row in labelled(number)],
            passed=[[row.passed, True] for row in labelled(number)],
            outputs=[[0 if row.passed else 1 + place] for place, row in enumerate(labelled(number))],
            values=[list("abcdefgh")],
        )
        for number in range(12)
    ]
    # Four more that nobody can choose rightly in, and one that is not to be counted.
    matrices += [ResultsMatrix(problem_id=f"hopeless/{number}", correct=[False] * 7) for number in range(4)]
    matrices.append(ResultsMatrix(problem_id="other", correct=[True] * 7))
    save_matrices(tmp_path / "matrices.jsonl", matrices)
    words = ["--model", folder, "--labelled", tmp_path / "labelled.jsonl", "--matrices", tmp_path / "matrices.jsonl"]
    scores = [ScoredProgram(**row.model_dump(), score=float(row.passed)) for row in rows]
    write_rows(tmp_path / "first.jsonl", scores[:40])
    write_rows(tmp_path / "second.jsonl", scores[40:])
    words += [word for name in ("first", "second") for word in ("--scores", f"a trained model={tmp_path}/{name}.jsonl")]
    words += ["--out", tmp_path / "out", "--layers", "0", "--layers", "1", "--seeds", "1"]
    with pytest.raises(SystemExit) as ended:
        run(RealClaim, main, [str(word) for word in words])
    assert not ended.value.code
    report = (tmp_path / "out/report.md").read_text()
    assert "12 problems, 72 distinct programs, 36 of them right." in report
    assert "| chance | 0.500 [0.500, 0.500] |" in report
    assert "| vouched_vote | 75.0 [" in report
    assert "| a trained model | 1.000 [1.000, 1.000] |" in report
    assert "| a trained model, no program executed | 75.0 [" in report
    monkeypatch.setattr(Backbone, "read", None)  # Nothing is read again.
    with pytest.raises(SystemExit) as ended:
        run(RealClaim, main, [str(word) for word in words])
    assert not ended.value.code
    with pytest.raises(SystemExit) as ended:
        run(RealClaim, main, [*map(str, words), "--layers", "1"])
    assert ended.value.code == 2
    assert "holds layers [0, 1]" in capsys.readouterr().err


def test_a_problem_that_is_judged_is_not_trained_on_along(folder, tmp_path, capsys):
    write_rows(tmp_path / "labelled.jsonl", [row for number in range(2) for row in labelled(number)])
    words = ["--model", folder, "--labelled", tmp_path / "labelled.jsonl", "--also", tmp_path / "labelled.jsonl", "--out", tmp_path / "out"]
    with pytest.raises(SystemExit) as ended:
        run(RealClaim, main, [*map(str, words), "--layers", "0", "--layers", "1"])
    assert ended.value.code == 2
    assert "p/0" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "said"), [("x.jsonl", "NAME=FILE"), ("model={path}", "1 programs have no score by model")])
def test_scores_that_are_not_there_are_an_error(tmp_path, given, said):
    problems = made_up(2)
    rows = [
        ScoredProgram(problem_id=problem.name, statement="", program=text, passed=True, score=0.0)
        for problem in problems
        for text in problem.programs
    ]
    write_rows(tmp_path / "scores.jsonl", rows[1:])
    with pytest.raises(ConfigurationError, match=said):
        scores_of([given.format(path=tmp_path / "scores.jsonl")], problems)


def test_a_draw_is_half_right_and_the_beginning_of_a_larger_one():
    rows = [row for number in range(20) for row in labelled(number)]
    rows += [row.model_copy(update={"problem_id": "all right", "passed": True}) for row in labelled(3)]
    some, more = draw(rows, 5, 4), draw(rows, 9, 4)
    assert more[: len(some)] == some
    assert len({row.problem_id for row in some}) == 5
    assert [row.passed for row in some] == [True, True, False, False] * 5
    assert len({(row.problem_id, row.program) for row in some}) == 20
    assert draw(rows, None, None) == rows
