"""A real search on the page: its rollouts, the value of each line, the tree around them."""

import pytest
from tiny_policy import problem

from code_reward.problem import save_problems
from code_reward_view import answers
from code_reward_view.run import Run
from data_prep.search.__main__ import main
from data_prep.search.run import read_trees
from data_prep.search.settings import Search


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    save_problems(folder / "problems.jsonl", [problem(1), problem(2)])
    main(Search(problems=folder / "problems.jsonl", out=folder / "trees"))
    return folder / "trees"


def test_every_judged_rollout_is_an_answer_with_the_judges_score(folder):
    source = Run(folder).first
    source.refresh()
    trees = list(read_trees(folder))
    rollouts = [(tree, rollout) for tree in trees for rollout in tree.rollouts]
    assert source.name == "trees.jsonl"
    assert len(source.table) == len(rollouts) > 0
    for place, (tree, rollout) in enumerate(rollouts):
        told = answers.tell_detail(source, place)
        assert (told["problem"], told["statement"]) == (tree.problem_id, tree.statement)
        assert told["score"] == pytest.approx(rollout.judgement.correctness)
        assert told["words"] == rollout.judgement.words
        assert told["program"] == "\n".join(one.text for one in rollout.segments)


def test_the_lines_of_a_program_have_the_values_of_their_segments(folder):
    source = Run(folder).first
    source.refresh()
    tree = next(iter(read_trees(folder)))
    told = answers.tell_detail(source, 0)
    assert len(told["line_scores"]) == len(told["program"].splitlines())
    by_text = {node.text: node.mean for node in tree.nodes[1:]}
    assert told["line_scores"][-1] == pytest.approx(by_text[tree.rollouts[0].segments[-1].text])
    assert len(told["tree"]) == len(tree.nodes) - 1
    assert [node["text"] for node in told["tree"] if node["here"]] == [one.text for one in tree.rollouts[0].segments]
