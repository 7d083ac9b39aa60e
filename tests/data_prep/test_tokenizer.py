import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from code_reward.errors import DataError
from code_reward.reward_data import LabelledProgram
from code_reward.rm_input import Encoded, RMInput, RMInputSettings
from code_reward.rows import write_rows
from data_prep.tokenizer import SPECIAL_TOKENS, TrainTokenizer, main, train_tokenizer

ROWS = [
    LabelledProgram(problem_id=f"p{i}", statement=f"Add {i} to n.", program=f"def add(n):\n    return n + {i}", passed=True)
    for i in range(20)
]
SMALL = train_tokenizer([row.statement + row.program for row in ROWS], 320)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tokenizer")
    write_rows(made / "rows.jsonl", ROWS)
    main(TrainTokenizer(rows=made / "rows.jsonl", out=made / "tokenizer", vocab_size=350))
    return made / "tokenizer"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert SMALL.decode(SMALL.encode(text).ids, skip_special_tokens=False) == text


def test_what_an_answer_begins_with_costs_few_tokens(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.get_vocab_size() <= 350
    assert [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == [0, 1, 2]
    text = "assistant\n```python\ndef add(n):\n    return n + 1"
    assert len(tokenizer.encode(text).ids) < len(text) / 3


def test_the_same_rows_give_the_same_files(folder: Path, tmp_path: Path) -> None:
    main(TrainTokenizer(rows=folder.parent / "rows.jsonl", out=tmp_path / "again", vocab_size=350))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_transformers_and_the_reward_models_input_read_the_folder_alike(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<|endoftext|>", "<|im_end|>")
    messages = [{"role": "user", "content": "Add 1 to n."}, {"role": "assistant", "content": "def add(n):\n    return n + 1"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    prompt = tokenizer.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True)
    assert text.startswith(prompt), "a policy is asked as it was taught"
    encoded = RMInput.load(folder, RMInputSettings()).encode(*(message["content"] for message in messages))
    assert isinstance(encoded, Encoded)
    assert encoded.ids == tokenizer(text.rstrip(), add_special_tokens=False)["input_ids"]
    assert encoded.ids[-1] == tokenizer.eos_token_id
    assert encoded.ids.count(tokenizer.convert_tokens_to_ids("<|im_start|>")) == 2


def test_rows_without_programs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": "no row"}) + "\n")
    with pytest.raises(DataError, match="row 1"):
        main(TrainTokenizer(rows=tmp_path / "rows.jsonl", out=tmp_path / "tokenizer"))
    assert not (tmp_path / "tokenizer").exists()


def test_no_rows_are_one_sentence(tmp_path):
    (tmp_path / "rows.jsonl").write_text("")
    with pytest.raises(DataError, match="has no rows; make some"):
        main(TrainTokenizer(rows=tmp_path / "rows.jsonl", out=tmp_path / "tokenizer", _cli_parse_args=False))
    assert not (tmp_path / "tokenizer").exists()
