"""Data sources: easy to hard or in random order, and a resume that trains on exactly what was not trained on."""

import json

import pytest
from code_reward_slime.curriculum import CurriculumDataSource
from code_reward_slime.data_source import ResumableDataSource
from code_reward_slime.post_process import group_advantages
from slime_samples import REAL_SLIME, Status, make_args

from code_reward.errors import ConfigurationError, DataError

PROMPTS = 8


@pytest.fixture
def tokenizer(tmp_path_factory, monkeypatch):
    """A folder for `--hf-checkpoint`; slime itself loads a tokenizer from it."""
    if not REAL_SLIME:
        return None
    from tiny_rm import save_tokenizer

    folder = tmp_path_factory.mktemp("policy")
    save_tokenizer(folder)
    monkeypatch.setattr("slime.rollout.data_source.load_processor", lambda *args, **options: None)
    return str(folder)


@pytest.fixture
def args(tmp_path, tokenizer):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"text": f"prompt {i}", "metadata": {"id": f"p{i}"}}) + "\n" for i in range(PROMPTS)))
    difficulties = tmp_path / "difficulty.jsonl"
    # p7 is the easiest, p0 the hardest; one row more than there are prompts.
    rows = [{"problem_id": f"p{i}", "difficulty": 1 - i / 10, "samples": 4} for i in range(PROMPTS + 1)]
    difficulties.write_text("".join(json.dumps(row) + "\n" for row in rows))
    slime = dict.fromkeys(["dump_details", "rollout_max_prompt_len", "multimodal_keys", "label_key", "tool_key"])
    slime |= dict.fromkeys(["apply_chat_template_kwargs", "buffer_filter_path"])
    return make_args(
        **slime,
        prompt_data=str(prompts),
        hf_checkpoint=tokenizer,
        input_key="text",
        metadata_key="metadata",
        apply_chat_template=False,
        rollout_global_dataset=True,
        rollout_shuffle=False,
        rollout_seed=1,
        save=str(tmp_path / "run"),
        load=str(tmp_path / "run"),
        code_reward_curriculum=str(difficulties),
    )


def start(args, after=-1):
    """The data source of a (resumed) run, as slime makes it."""
    source = ResumableDataSource(args) if args.rollout_shuffle else CurriculumDataSource(args)
    source.load(after)
    return source


def ids(groups):
    return [group[0].metadata["id"] for group in groups]


def rollout(args, source, n=2):
    """Generate one rollout, as the rollout manager does; which prompts it used."""
    groups = source.get_samples(n)
    for i, sample in enumerate(sample for group in groups for sample in group):
        sample.reward = float(i)
        sample.status = Status.COMPLETED
    group_advantages(args, [sample for group in groups for sample in group])
    return ids(groups)


def test_prompts_come_from_easy_to_hard_epoch_after_epoch(args):
    source = start(args)
    assert len(source) == PROMPTS
    assert ids(source.get_samples(5)) == ["p7", "p6", "p5", "p4", "p3"]
    assert ids(source.get_samples(5)) == ["p2", "p1", "p0", "p7", "p6"]


def test_groups_are_fresh_samples_with_numbers_of_their_own(args):
    groups = start(args).get_samples(2)
    assert [[sample.group_index for sample in group] for group in groups] == [[0, 0], [1, 1]]
    assert [sample.index for group in groups for sample in group] == [0, 1, 2, 3]


def test_a_synchronous_run_resumes_where_it_was(args):
    source = start(args)
    trained = []
    for step in range(2):
        trained += rollout(args, source)
        source.save(step)
    again = start(args, after=1)
    assert trained + rollout(args, again) + rollout(args, again) == [f"p{i}" for i in reversed(range(PROMPTS))]
    assert again.get_samples(1)[0][0].group_index == 8


def test_an_asynchronous_run_generates_again_what_was_not_trained_on(args):
    source = start(args)
    generated = [rollout(args, source), rollout(args, source)]
    # train_async.py: rollout 1 is generated before rollout 0 is trained on and saved.
    source.save(0)
    again = start(args, after=0)
    assert rollout(args, again) == generated[1]
    assert ids(again.get_samples(1)) == ids(source.get_samples(1))


@pytest.mark.parametrize("steps", range(6))
def test_in_random_order_too_every_prompt_comes_once_an_epoch_wherever_a_run_is_stopped(args, steps):
    args.rollout_shuffle = True
    source = start(args)
    trained = [problem for step in range(steps + 1) for problem in rollout(args, source, n=3)]
    source.get_samples(3)  # train_async.py generates the next rollout before this one is saved.
    source.save(steps)
    again = start(args, after=steps)
    trained += [problem for _ in range(steps + 1, 8) for problem in rollout(args, again, n=3)]
    epochs = [trained[first : first + PROMPTS] for first in range(0, 24, PROMPTS)]
    assert [sorted(epoch) for epoch in epochs] == [[f"p{i}" for i in range(PROMPTS)]] * 3
    assert len({tuple(epoch) for epoch in epochs}) > 1, "each epoch has an order of its own"


def test_without_difficulties_the_order_is_slimes_own(args):
    args.rollout_shuffle = True
    args.code_reward_curriculum = None
    source = start(args)
    assert ids(source.get_samples(PROMPTS)) != [f"p{i}" for i in range(PROMPTS)]
    args.rollout_shuffle = False
    assert ids(ResumableDataSource(args).get_samples(PROMPTS)) == [f"p{i}" for i in range(PROMPTS)]


def test_a_second_resume_counts_on(args):
    source = start(args)
    for step in range(2):
        rollout(args, source)
        source.save(step)
    again = start(args, after=1)
    rollout(args, again)
    expected = rollout(args, again)
    again.save(2)
    assert rollout(args, start(args, after=2)) == expected


def test_oversampled_prompts_are_gone_for_a_resumed_run_as_they_are_for_the_run_itself(args):
    source = start(args)
    source.get_samples(3)
    rollout(args, source, n=1)
    source.save(0)
    assert ids(start(args, after=0).get_samples(2)) == ids(source.get_samples(2))


def test_unfinished_groups_that_came_back_are_saved_as_they_were(args):
    source = start(args)
    group = source.get_samples(1)[0]
    group[0].response, group[0].tokens, group[0].status = "def f", [1, 2, 3], Status.ABORTED
    source.add_samples([group])
    rollout(args, source, n=0)
    group[0].response = "changed by the next rollout"
    source.save(0)
    again = start(args, after=0)
    assert again.get_buffer_length() == 1
    resumed = again.get_samples(1)[0]
    assert (resumed[0].response, resumed[0].tokens, resumed[0].status) == ("def f", [1, 2, 3], Status.ABORTED)
    assert ids(again.get_samples(1)) == ["p6"]


def test_a_rollout_whose_end_was_not_seen_is_saved_with_a_warning(args, caplog):
    source = start(args)
    source.get_samples(2)
    source.save(5)
    assert "rollout 5 was not seen" in caplog.text
    assert ids(start(args, after=5).get_samples(1)) == ["p5"]


def test_a_fresh_run_begins_with_the_first_prompt_although_load_names_a_checkpoint(args):
    assert ids(start(args).get_samples(1)) == ["p7"]
    args.load = None
    assert ids(start(args, after=3).get_samples(1)) == ["p7"]


def test_without_a_global_dataset_it_is_slimes_own_source(args):
    args.rollout_global_dataset = False
    source = start(args)
    source.save(0)
    assert len(source.get_samples(1)[0]) == args.n_samples_per_prompt


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_reward_curriculum": None}, "set code_reward_curriculum"),
        ({"rollout_shuffle": True}, "remove --rollout-shuffle"),
        ({"code_reward_curriculum": "nowhere.jsonl"}, "nowhere.jsonl does not exist"),
    ],
)
def test_what_cannot_work_is_an_error_that_says_what_to_do(args, change, error):
    vars(args).update(change)
    with pytest.raises((ConfigurationError, DataError), match=error):
        CurriculumDataSource(args)


def test_a_prompt_without_difficulty_is_named(args, tmp_path):
    (tmp_path / "difficulty.jsonl").write_text('{"problem_id": "p0", "difficulty": 0.5}\n')
    with pytest.raises(ConfigurationError, match=r"7 of 8 prompts have no difficulty .* 'p1'"):
        CurriculumDataSource(args)
