from itertools import count
from pathlib import Path

import pytest
from code_reward_trl.policy import answer, ask, load_policy, sample
from code_reward_trl.sample import Completion, Sample, Worker
from code_reward_trl.sample import main as sample_main
from code_reward_trl.sft import Sft
from code_reward_trl.sft import main as sft_main
from tiny_policy import problem, right, statement, wrong
from transformers import AutoModelForCausalLM, AutoTokenizer

from code_reward.errors import ConfigurationError, DataError
from code_reward.extraction import extract_code
from code_reward.problem import load_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows, write_rows


def drawn(policy_dir: Path, seed: int, statements: list[str], **changes: float) -> list[str]:
    return sample(*load_policy(policy_dir), statements, **{"max_new_tokens": 8, "temperature": 1.0, **changes}, seed=seed)


STATEMENTS = [statement(i) for i in range(6)]


def test_sampling_is_decided_by_its_seed(policy_dir: Path) -> None:
    first = drawn(policy_dir, 1, STATEMENTS)
    assert len(first) == 6
    assert drawn(policy_dir, 1, STATEMENTS) == first
    assert drawn(policy_dir, 2, STATEMENTS) != first


def test_a_prompt_in_a_batch_is_answered_as_alone(policy_dir: Path) -> None:
    cold = {"temperature": 1e-4, "max_new_tokens": 6}
    assert drawn(policy_dir, 0, STATEMENTS, **cold) == [text for one in STATEMENTS for text in drawn(policy_dir, 0, [one], **cold)]


def test_samples_are_written_in_the_order_of_the_problems_however_many_processes_draw_them(
    policy_dir: Path, problem_file: Path, tmp_path: Path
) -> None:
    options = {"policy": policy_dir, "problems": problem_file, "samples": 3, "max_new_tokens": 4, "batch_size": 5}
    sample_main(Sample(out=tmp_path / "samples.jsonl", **options))
    rows = read_rows(tmp_path / "samples.jsonl", Completion)
    assert [row.problem_id for row in rows] == [one.id for one in load_problems(problem_file) for _ in range(3)]
    sample_main(Sample(out=tmp_path / "again.parquet", processes=2, **options))
    assert read_rows(tmp_path / "again.parquet", Completion) == rows


def test_sampling_that_is_killed_goes_on_with_the_batches_that_it_lacks(policy_dir: Path, problem_file: Path, tmp_path: Path, monkeypatch):
    options = {"policy": policy_dir, "problems": problem_file, "samples": 3, "max_new_tokens": 4, "batch_size": 5}
    sample_main(Sample(out=tmp_path / "whole.jsonl", **options))
    draw, asked, calls = Worker.draw, [], count(1)

    def die_at_the_third(self: Worker, number: int, statements: list[str]) -> list[str]:
        asked.append(number)
        if next(calls) == 3:
            raise InterruptedError
        return draw(self, number, statements)

    monkeypatch.setattr(Worker, "draw", die_at_the_third)
    with pytest.raises(InterruptedError):
        sample_main(Sample(out=tmp_path / "samples.jsonl", **options))
    assert not (tmp_path / "samples.jsonl").exists()
    sample_main(Sample(out=tmp_path / "samples.jsonl", **options))
    batches = list(range(max(asked) + 1))
    assert asked == [0, 1, 2, *batches[2:]], "only what was not drawn is asked again"
    assert (tmp_path / "samples.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    asked.clear()
    sample_main(Sample(out=tmp_path / "samples.jsonl", **{**options, "temperature": 2.0}))
    assert asked == batches, "and what is to be drawn otherwise, whole"


def test_what_a_policy_is_taught_is_what_extraction_reads() -> None:
    taught = answer(f"\n{right(1)}\n")[0]
    assert taught["role"] == "assistant"
    assert extract_code(taught["content"], entry_point="shift").code.strip() == right(1)
    assert ask("Add.") == [{"role": "user", "content": "Add."}]


def demonstrations(path: Path) -> Path:
    rows = [(i, program, passed) for i in range(1, 9) for program, passed in ((right(i), True), (wrong(i), False))]
    named = [{"problem_id": f"p{i}", "statement": statement(i), "program": program, "passed": passed} for i, program, passed in rows]
    write_rows(path, [LabelledProgram.model_validate(row) for row in named])
    return path


def loss_of(folder: Path) -> float:
    """The policy's loss on a right answer, as one text."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = tokenizer.apply_chat_template([*ask(statement(1)), *answer(right(1))], tokenize=False)
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
    return AutoModelForCausalLM.from_pretrained(folder)(ids, labels=ids).loss.item()


def test_supervised_training_from_scratch_and_onwards(policy_dir: Path, tmp_path: Path) -> None:
    data = demonstrations(tmp_path / "data.jsonl")
    size = {"hidden": 32, "layers": 1, "batch_size": 4, "learning_rate": 1e-2}
    sft_main(Sft(data=data, out=tmp_path / "policy", tokenizer=policy_dir, epochs=3, **size))
    assert loss_of(tmp_path / "policy") < loss_of(policy_dir) - 0.5
    assert {path.name for path in tmp_path.iterdir()} == {"data.jsonl", "policy"}, "no checkpoint is left"
    assert (tmp_path / "policy" / "trainer_state.json").is_file()
    sft_main(Sft(data=data, out=tmp_path / "onwards", init=tmp_path / "policy", epochs=3, **size))
    assert loss_of(tmp_path / "onwards") < loss_of(tmp_path / "policy")


def test_checkpoints_of_another_run_are_refused(policy_dir: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "policy.checkpoints" / "checkpoint-1"
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").write_text("{}")
    (checkpoint.parent / "setup.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"policy.checkpoints .*another .*--data"):
        sft_main(Sft(data=demonstrations(tmp_path / "data.jsonl"), out=tmp_path / "policy", init=policy_dir))


def test_bad_starts_are_one_sentence(policy_dir: Path, tmp_path: Path) -> None:
    data = demonstrations(tmp_path / "data.jsonl")
    with pytest.raises(ConfigurationError, match=r"--init .*--tokenizer"):
        sft_main(Sft(data=data, out=tmp_path / "policy"))
    for bad in (Sft(data=data, out=tmp_path / "policy", init=tmp_path / "absent"), Sft(data=data, out=tmp_path / "policy", init=tmp_path)):
        with pytest.raises(ConfigurationError, match="give the folder of a causal language model") as caught:
            sft_main(bad)
        assert "\n" not in str(caught.value)


def test_no_rows_are_one_sentence(policy_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(DataError, match="has no rows"):
        sft_main(Sft(data=tmp_path / "empty.jsonl", out=tmp_path / "policy", init=policy_dir))
    assert not (tmp_path / "policy.checkpoints").exists()


def test_the_tiny_problems_are_what_they_say() -> None:
    assert problem(3).tests[2].expected == "5"
