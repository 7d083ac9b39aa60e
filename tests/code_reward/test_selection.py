import dataclasses
import itertools
import json
import math
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import DataError
from code_reward.selection import (
    METHODS,
    Method,
    ResultsMatrix,
    accuracies,
    best_of_n,
    by_sampling,
    compare,
    load_matrices,
    majority_vote,
    save_matrices,
)
from code_reward.selection.consensus import codet, mbr_exec, mbr_exec_soft, srank
from code_reward.selection.evaluation import applicable
from code_reward.selection.nested import nested_accuracies
from code_reward.selection.scored import scored_vote
from code_reward.selection.vouched import vouched_vote
from code_reward.selection.weighted import hybrid, weighted_vote


def candidates(passed, scores=None):
    given_scores = None if scores is None else [None if math.isnan(score) else score for score in scores]
    return ResultsMatrix(problem_id="p", correct=[False] * len(passed), passed=passed, scores=given_scores).candidates()


def kept(mask):
    return np.flatnonzero(mask).tolist()


def rows(*patterns):
    return [[mark == "1" for mark in pattern] for pattern in patterns]


def matrix(passed=None, correct=None, scores=None, name="p"):
    return ResultsMatrix(problem_id=name, passed=passed, correct=correct, scores=scores)


matrices_of_results = st.integers(0, 4).flatmap(
    lambda tests: st.lists(st.lists(st.booleans(), min_size=tests, max_size=tests), min_size=1, max_size=9)
)

# Rules


def vote_by_the_papers_words(passed):
    """Step by step as published: maximal number of passed tests, then the largest groups of identical sets of passed tests."""
    votes = [sum(row) for row in passed]
    first = [index for index, count in enumerate(votes) if count == max(votes)]
    groups = {}
    for index in first:
        groups.setdefault(frozenset(test for test, ok in enumerate(passed[index]) if ok), []).append(index)
    largest = max(map(len, groups.values()))
    return sorted(index for group in groups.values() if len(group) == largest for index in group)


@given(matrices_of_results)
def test_majority_vote_is_that_of_the_paper(passed):
    assert kept(majority_vote(candidates(passed))) == vote_by_the_papers_words(passed)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["110", "100", "111"], [2]),
        (["110", "110", "011"], [0, 1]),
        (["110", "011"], [0, 1]),
        (["100", "100", "100", "011"], [3]),
        (["000", "000"], [0, 1]),
        (["", "", ""], [0, 1, 2]),
    ],
)
def test_majority_vote_breaks_ties_by_the_largest_group_of_identical_results(patterns, expected):
    assert kept(majority_vote(candidates(rows(*patterns)))) == expected


@given(matrices_of_results, st.data())
def test_the_majority_vote_does_not_depend_on_the_order_of_candidates(passed, data):
    order = np.array(data.draw(st.permutations(range(len(passed)))))
    straight = majority_vote(candidates(passed))
    assert straight.any()
    assert (majority_vote(candidates(passed).take(order)) == straight[order]).all()


def test_a_sample_counts_once_and_only_if_all_its_tests_pass():
    problem = ResultsMatrix(
        problem_id="p", correct=[False] * 3, passed=rows("1110", "0001", "1001"), samples=[[0, 1, 2], [3], [3], [], [0, 3]]
    )
    assert problem.candidates().votes.tolist() == rows("1000", "0110", "0111")
    assert kept(majority_vote(problem.candidates())) == [2]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["1111", "1000", "1000", "1000"], [0]),  # 1 program × 4 tests against √3 × 1.
        (["1110", "1100", "1100", "1100"], [1, 2, 3]),  # 3 against √3 × 2.
        (["0000", "0000", "0001"], [2]),
        (["", ""], [0, 1]),
    ],
)
def test_codet_weighs_tests_by_the_root_of_the_programs(patterns, expected):
    assert kept(codet(candidates(rows(*patterns)))) == expected


def behaving(outputs, passed=None):
    """Candidates by their outputs: a word per candidate, a letter per input."""
    values = [sorted({word[place] for word in outputs}) for place in range(len(outputs[0]))]
    places = [[values[place].index(letter) for place, letter in enumerate(word)] for word in outputs]
    return ResultsMatrix(problem_id="p", correct=[False] * len(outputs), outputs=places, values=values, passed=passed).candidates()


def test_mbr_exec_keeps_the_largest_group_of_equal_behaviour():
    assert kept(mbr_exec(behaving(["ab", "ac", "ab", "bb"]))) == [0, 2]
    assert kept(mbr_exec(behaving(["ab", "ac", "dd", "bb"]))) == [0, 1, 2, 3]


def test_soft_mbr_exec_counts_every_agreement():
    assert kept(mbr_exec_soft(behaving(["aaa", "aab", "aac", "xyz", "xyz"]))) == [0, 1, 2]


def test_srank_ranks_groups_by_their_overlap_with_those_that_pass_tests():
    outputs = ["aaa", "aab", "xyz", "xyz"]
    assert kept(srank(behaving(outputs, rows("11", "11", "00", "00")))) == [0, 1]
    assert kept(srank(behaving(outputs))) == [2, 3]


def test_the_weighted_vote_does_not_hear_tests_that_tell_nothing():
    assert kept(weighted_vote(candidates(rows("101", "110", "110")))) == [0, 1, 2]
    assert kept(weighted_vote(candidates(rows("10111", "11011", "11011")))) == [0, 1, 2]
    assert kept(weighted_vote(candidates(rows("01", "11", "01", "00")))) == [1]


def test_vouching_heeds_agreement_and_telling_tests():
    # Two agree on everything and pass a test that a third passes too; the fourth passes nothing and agrees with nobody.
    outputs, passed = ["aa", "aa", "bb", "cd"], rows("10", "10", "10", "01")
    assert kept(vouched_vote(behaving(outputs, passed))) == [0, 1]
    # Agreement alone, where there are no tests; tests alone, where there are no inputs.
    assert kept(vouched_vote(behaving(outputs))) == [0, 1]
    assert kept(vouched_vote(candidates(rows("101", "100", "000", "010")))) == [0]
    assert kept(vouched_vote(candidates([[], []]))) == [0, 1]


def test_a_model_makes_what_it_likes_vouch_louder_and_lead():
    # Two pairs behave alike within, and pass as many tests: the model tells the pairs apart, then the two of a pair.
    outputs, passed = ["aa", "aa", "bb", "bb"], rows("10", "10", "01", "01")

    def scored(*scores):
        return dataclasses.replace(behaving(outputs, passed), scores=np.array(scores))

    assert kept(scored_vote(scored(0.0, 0.1, 0.8, 0.9))) == [3]
    # The best by score is outvoted by a pair that is liked on the whole.
    assert kept(scored_vote(scored(1.0, -4.0, 0.9, 0.8), lead=0.0)) == [2, 3]
    assert kept(scored_vote(scored(math.nan, math.nan, math.nan, math.nan))) == kept(vouched_vote(scored(0.0, 0.0, 0.0, 0.0)))
    assert kept(scored_vote(scored(math.nan, -1.0, math.nan, 2.0))) == [3]
    # Without tests and inputs it is the best by score.
    assert kept(scored_vote(candidates([[], [], []], [0.2, 0.9, 0.1]))) == [1]


@given(matrices_of_results)
def test_without_its_model_it_is_the_vouched_vote(passed):
    known = behaving(["".join(random.Random(index % 3).choices("ab", k=3)) for index in range(len(passed))], passed)
    scored = dataclasses.replace(known, scores=np.arange(len(passed), dtype=float))
    assert kept(scored_vote(scored, vouching=0.0, lead=0.0)) == kept(vouched_vote(known))


@given(matrices_of_results)
def test_the_variant_without_votes_is_srank_up_to_its_ties(passed):
    known = behaving(["".join(random.Random(index % 3).choices("ab", k=3)) for index in range(len(passed))], passed)
    ours, theirs = vouched_vote(known, votes=0.0, agreement=1.0, tests=1.0), srank(known)
    assert not known.passed.any() or not (ours & ~theirs).any()


def test_nested_cross_validation_never_judges_by_what_it_chose_on():
    """Two rules, each right on one half of the problems: whoever chooses on the others takes the wrong one as often as the right one."""
    problems = [ResultsMatrix(problem_id=f"p{index}", correct=[index % 2 == 0, index % 2 == 1]) for index in range(20)]
    rules = {"first": lambda known: np.array([True, False]), "second": lambda known: np.array([False, True])}
    own, chosen = nested_accuracies(rules, problems, 2, folds=20, partitions=1)
    assert own.mean() == 0.0  # Leaving one out, the other half always seems better.
    assert sum(chosen.values()) == 20
    better = {"wrong": rules["second"], "right": rules["first"]}
    own, chosen = nested_accuracies(better, [problem for problem in problems if problem.correct[0]], 2, folds=5)
    assert own.mean() == 1.0
    assert set(chosen) == {"right"}
    with pytest.raises(DataError, match="fewer folds"):
        nested_accuracies(rules, problems, 2, folds=21)
    with pytest.raises(DataError, match="use at least 2"):
        nested_accuracies(rules, problems, 2, folds=1)


def test_the_hybrid_adds_scores_and_votes():
    assert kept(hybrid(candidates(rows("11", "10", "00"), [0.0, 0.1, 0.0]))) == [1]
    assert kept(hybrid(candidates(rows("11", "10", "00"), [0.1, 0.0, 0.0]))) == [0]
    assert kept(hybrid(candidates(rows("11", "00"), [math.nan, -9.0]))) == [1]
    assert kept(hybrid(candidates(rows("11", "00"), [math.nan, math.nan]))) == [0]


# Best of n


def best_of_n_by_hand(correct, scores, n):
    totals = []
    for subset in itertools.combinations(range(len(correct)), n):
        keys = [-math.inf if scores[index] is None else scores[index] for index in subset]
        winners = [correct[index] for index, key in zip(subset, keys, strict=True) if key == max(keys)]
        totals.append(sum(winners) / len(winners))
    return sum(totals) / len(totals)


scored = st.lists(st.tuples(st.booleans(), st.none() | st.sampled_from([-1.0, 0.0, 2.0])), min_size=1, max_size=7)


@given(scored, st.data())
def test_best_of_n_is_the_mean_over_all_subsets(drawn, data):
    correct, scores = zip(*drawn, strict=True)
    n = data.draw(st.integers(1, len(drawn)))
    assert best_of_n(correct, scores, n) == pytest.approx(best_of_n_by_hand(correct, scores, n), abs=1e-12)


@given(scored, st.data())
def test_the_best_by_score_is_measured_exactly_however_few_subsets_are_drawn(drawn, data):
    correct, scores = map(list, zip(*drawn, strict=True))
    n = data.draw(st.integers(1, len(drawn)))
    measured = accuracies(METHODS["best_by_score"], [matrix(correct=correct, scores=scores)], n, draws=1)
    assert measured == pytest.approx([best_of_n_by_hand(correct, scores, n)], abs=1e-12)


def test_best_of_n_of_many_candidates_is_exact_and_fast():
    scores = list(range(400))
    assert best_of_n([score >= 300 for score in scores], scores, 200) == pytest.approx(1.0)
    assert best_of_n([score == 399 for score in scores], scores, 100) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("correct", "scores", "n", "message"),
    [
        ([1], [1.0], 2, "best of 2 in 1"),
        ([1], [1.0], 0, "best of 0"),
        ([1, 0], [1.0], 1, "1 scores for 2"),
        ([1, 0], [1.0, math.nan], 1, "scores is nan"),
        ([], [], 1, "at least one"),
    ],
)
def test_best_of_n_refuses_what_is_not_defined(correct, scores, n, message):
    with pytest.raises(DataError, match=message):
        best_of_n(correct, scores, n)


# Evaluation


def simulated(seed=0, problems=40, count=12, tests=10):
    """Problems of every difficulty; right candidates pass more tests and score higher."""
    rng = np.random.default_rng(seed)
    made = []
    for index in range(problems):
        correct = rng.random(count) < rng.random()
        passed = rng.random((count, tests)) < np.where(correct, 0.8, 0.4)[:, np.newaxis]
        scores = 2 * correct + rng.normal(size=count)
        outputs = np.where(correct[:, np.newaxis], 0, rng.integers(5, size=(count, 3)))
        made.append(
            ResultsMatrix(
                problem_id=f"p{index}",
                correct=correct.tolist(),
                passed=passed.tolist(),
                scores=scores.tolist(),
                outputs=outputs.tolist(),
                values=[["0", "1", "2", "3", "!TypeError"]] * 3,
            )
        )
    return made


def by_name(figures):
    return {(figure.method, figure.n): figure for figure in figures}


def test_methods_lie_between_random_and_the_oracle():
    figures = by_name(compare(simulated(), [4, 12], draws=30, resamples=200))
    for n in (4, 12):
        random, oracle = figures["random", n].accuracy.estimate, figures["oracle", n].accuracy.estimate
        for name in set(METHODS) - {"random", "oracle", "mbr_exec", "same_results"}:
            assert random < figures[name, n].accuracy.estimate <= oracle
            assert figures[name, n].difference.low > 0


def test_with_one_candidate_every_method_is_a_random_choice():
    figures = compare(simulated(), [1], resamples=50)
    assert len({round(figure.accuracy.estimate, 12) for figure in figures}) == 1


def test_random_does_not_depend_on_n_and_the_oracle_grows():
    bounds = {name: METHODS[name] for name in ("random", "oracle")}
    figures = by_name(compare(simulated(), [1, 2, 12], methods=bounds, resamples=50))
    assert len({figures["random", n].accuracy for n in (1, 2, 12)}) == 1
    estimates = [figures["oracle", n].accuracy.estimate for n in (1, 2, 12)]
    assert estimates == sorted(set(estimates))


def test_sampled_subsets_estimate_what_all_subsets_give():
    problems = simulated(problems=5)
    every = accuracies(METHODS["majority_vote"], problems, 4, draws=math.comb(12, 4))
    sampled = accuracies(METHODS["majority_vote"], problems, 4, draws=400)
    assert sampled == pytest.approx(every, abs=0.1)
    assert (sampled != every).any()


def test_figures_depend_on_the_seed_alone():
    problems = simulated(problems=10)
    first, again, other = (compare(problems, [4], draws=20, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_rule_never_sees_the_truth():
    problem = simulated(problems=1)[0]
    wrong = problem.model_copy(update={"correct": [False] * 12})
    assert (problem.candidates().passed == wrong.candidates().passed).all()
    assert not hasattr(problem.candidates(), "correct")


def test_a_rule_of_anyones_can_be_compared():
    def least_tests(known):
        votes = known.passed.sum(axis=1)
        return votes == votes.min()

    figures = by_name(compare(simulated(), [12], methods={**METHODS, "least": Method(by_sampling(least_tests))}, resamples=100))
    assert figures["least", 12].difference.high < 0


def test_a_method_whose_input_is_missing_is_an_error_that_names_the_problem():
    problems = [*simulated(problems=2), matrix(correct=[True] * 12, name="bare")]
    with pytest.raises(DataError, match="'bare' has no scores"):
        accuracies(METHODS["best_by_score"], problems, 2)
    with pytest.raises(DataError, match="'bare' has no passed"):
        accuracies(METHODS["majority_vote"], problems, 2)


def test_more_candidates_than_a_problem_has_is_an_error_that_names_it():
    with pytest.raises(DataError, match="'p0' has 12 candidates"):
        accuracies(METHODS["random"], simulated(problems=1), 13)


def test_only_methods_with_input_are_applicable():
    bare = [matrix(correct=[True, False])]
    assert list(applicable(bare)) == ["random", "oracle"]
    assert list(applicable([*bare, matrix(correct=[True], scores=[None])])) == ["random", "best_by_score", "oracle"]


# Files


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "parquet"])
def test_matrices_survive_a_file(tmp_path, suffix):
    problems = [*simulated(problems=3), matrix(correct=[True], scores=[None], name="x"), matrix(correct=[True], passed=[[]], name="y")]
    save_matrices(tmp_path / f"matrices.{suffix}", problems)
    assert load_matrices(tmp_path / f"matrices.{suffix}") == problems


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"correct": []}, "correct"),
        ({"correct": [True], "passed": [[True], [False]]}, "passed has 2 candidates and correct has 1"),
        ({"correct": [True, False], "passed": [[True], []]}, "differ in length"),
        ({"correct": [True], "scores": [1.0, 2.0]}, "scores has 2"),
        ({"correct": [True], "outputs": [[0]]}, "belong together"),
        ({"correct": [True], "outputs": [[1]], "values": [["a"]]}, "outputs names something that is not there"),
        ({"correct": [True], "passed": [[True]], "samples": [[0], [1]]}, "samples names something that is not there"),
        ({"correct": [True], "scores": [math.nan]}, "finite"),
        ({"correct": [None]}, "correct.0"),
        ({"correct": [True], "passed": [[None]]}, "passed.0.0"),
    ],
)
def test_a_matrix_that_does_not_fit_is_an_error_that_names_its_row(tmp_path, row, message):
    path = tmp_path / "matrices.jsonl"
    path.write_text(json.dumps({"problem_id": "a", "correct": [True]}) + "\n" + json.dumps({"problem_id": "b", **row}) + "\n")
    with pytest.raises(DataError, match="row 2") as caught:
        load_matrices(path)
    assert message in str(caught.value)


def test_a_problem_that_occurs_twice_is_an_error(tmp_path):
    save_matrices(tmp_path / "matrices.jsonl", [matrix(correct=[True])] * 2)
    with pytest.raises(DataError, match="row 2: problem 'p' occurs twice"):
        load_matrices(tmp_path / "matrices.jsonl")


# The command


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "code_reward.selection", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_the_command_prints_a_table(tmp_path):
    save_matrices(tmp_path / "matrices.jsonl", simulated())
    done = command(tmp_path / "matrices.jsonl", "--best-of", "1,12", "--resamples", 100, "--against", "srank")
    assert done.returncode == 0, done.stderr
    assert "over srank" in done.stdout
    assert "40 problems" in done.stdout
    assert [(cells[0].strip(), cells[1].strip()) for line in done.stdout.splitlines() if (cells := line.strip("│").split("│"))[1:]] == [
        (n, name) for n in ("1", "12") for name in METHODS
    ]


def test_the_command_prints_json_that_equals_the_library(tmp_path):
    problems = simulated(problems=5)
    save_matrices(tmp_path / "matrices.jsonl", problems)
    done = command(tmp_path / "matrices.jsonl", "--json", "--seed", 3, "--resamples", 50, "--best-of", 4)
    expected = [(figure.method, figure.n, figure.accuracy.low) for figure in compare(problems, [4], seed=3, resamples=50)]
    assert [(one["method"], one["n"], one["accuracy"]["low"]) for one in json.loads(done.stdout)["figures"]] == expected


def test_the_command_measures_our_rules_by_nested_cross_validation(tmp_path):
    save_matrices(tmp_path / "matrices.jsonl", simulated(problems=10))
    done = command(tmp_path / "matrices.jsonl", "--json", "--folds", 5, "--resamples", 50)
    assert [one["method"] for one in json.loads(done.stdout)["figures"][-2:]] == ["vouched_vote, nested", "scored_vote, nested"]
    assert sum(int(line.split()[0]) for line in done.stderr.splitlines()) == 200
    assert command(tmp_path / "matrices.jsonl", "--against", "nobody").returncode == 2
    one = command(tmp_path / "matrices.jsonl", "--folds", 1)
    assert (one.returncode, one.stdout, one.stderr.count("\n")) == (2, "", 1)
    assert "use at least 2" in one.stderr


@pytest.mark.parametrize("content", ["", '{"problem_id": "a"}\n', '{"problem_id": "a", "correct": [true]}\n'])
def test_the_command_says_in_one_line_what_is_wrong_with_a_file(tmp_path, content):
    (tmp_path / "matrices.jsonl").write_text(content)
    done = command(tmp_path / "matrices.jsonl")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
