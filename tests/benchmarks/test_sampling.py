"""A folder's model writes what transformers writes, whatever else is in the batch."""

import pytest
import torch
from tiny_policy import build_policy, statement
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.sampling.folder import FolderModel, _draw
from benchmarks.sampling.question import Answer, Message, Question, Sampling
from benchmarks.sampling.sample import sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_policy(tmp_path_factory.mktemp("policy"))


def questions(count=7):
    return [Question(f"t{i}", (Message("user", f"{statement(i)} " * (1 + i % 3)),)) for i in range(count)]


def answers_of(folder, asked, sampling, **options):
    answers = {}
    FolderModel(folder, "float32", **options).answer([((one.task_id, 0), one) for one in asked], sampling, answers.__setitem__)
    return {key[0]: answer for key, answer in answers.items()}


@pytest.mark.parametrize("batch", [1, 2, 3, 16])
def test_greedy_answers_are_those_of_transformers(folder, batch):
    asked = questions()
    answers = answers_of(folder, asked, Sampling(max_tokens=24), batch=batch)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for question in asked:
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": question.messages[0].content}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        out = model.generate(**ids, max_new_tokens=24, do_sample=False)
        assert answers[question.task_id].text == tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)


def test_several_answers_to_a_question_are_those_that_it_gets_alone(folder):
    model, sampling = FolderModel(folder, "float32", batch=8), Sampling(max_tokens=12, temperature=1.0)
    asked = [((one.task_id, number), one) for one in questions(3) for number in range(4)]
    together, alone = {}, {}
    model.answer(asked, sampling, together.__setitem__)
    for one in asked:
        model.answer([one], sampling, alone.__setitem__)
    assert together == alone
    assert len({answer.text for answer in alone.values()}) > 3


def test_an_answer_ends_before_its_stop_text(folder):
    whole = answers_of(folder, questions(1), Sampling(max_tokens=24))["t0"].text
    stop = whole[5:8]
    begun = Question("t0", questions(1)[0].messages, prefill=whole[:1], stops=(stop,))
    answer = answers_of(folder, [begun], Sampling(max_tokens=60))["t0"]
    assert stop not in answer.text
    assert answer.form == "prefilled"


def test_sampled_answers_depend_on_the_seed_and_on_nothing_else(folder):
    runs = [
        answers_of(folder, questions(), Sampling(max_tokens=12, temperature=1.0, seed=seed), batch=batch)
        for seed, batch in ((0, 2), (0, 5), (1, 5))
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.parametrize("top_p", [0.3, 0.95, 0.9999, 1.0])
@pytest.mark.parametrize("spread", [0.1, 4.0])
def test_a_token_is_drawn_from_the_smallest_set_that_holds_enough(top_p, spread):
    logits = spread * torch.randn(5000, generator=torch.Generator().manual_seed(0))
    chances, order = torch.sort(torch.softmax(logits.double(), -1), descending=True)
    kept = int((chances.cumsum(-1) - chances < top_p).sum())
    bounds = torch.cat([torch.zeros(1), chances[:kept].cumsum(-1) / chances[:kept].sum()])
    for luck in (0.0, 0.1, 0.5, 0.9, 0.999999):
        place = order[:kept].tolist().index(_draw(logits, top_p, luck))
        assert bounds[place] - 1e-5 <= luck <= bounds[place + 1] + 1e-5


class Counting:
    def __init__(self, fails_at=None):
        self.asked, self.fails_at = [], fails_at

    def answer(self, asked, sampling, give):
        for key, question in asked:
            if len(self.asked) == self.fails_at:
                raise KeyboardInterrupt
            self.asked.append((key, question.prefill))
            give(key, Answer(text=f"<think>hm</think>answer {key[1]}", form="chat", cut=False, tokens=1))


def test_what_is_in_the_journal_is_not_asked_again(tmp_path):
    first, second = Counting(fails_at=5), Counting()
    arguments = (tmp_path, "set", questions(4), 2, Sampling(temperature=1.0), "bare")
    with pytest.raises(KeyboardInterrupt):
        sample(*arguments, lambda: first)
    answers = sample(*arguments, lambda: second)
    assert len(first.asked) + len(second.asked) == len(answers) == 8
    assert not set(first.asked) & set(second.asked)
    sample(*arguments, lambda: pytest.fail("asked again"))


def test_reasoning_is_no_answer_and_without_an_end_there_is_none(tmp_path):
    class Reasoning:
        def answer(self, asked, sampling, give):
            for key, question in asked:
                assert question.prefill == ""
                text = "<think>a</think> done" if key[0] == "t0" else "<think>```python\ndef f(): ...\n```"
                give(key, Answer(text=text, form="chat", cut=True, tokens=1))

    asked = [Question(f"t{i}", (), prefill="Here:", stops=("x",)) for i in range(2)]
    answers = sample(tmp_path, "set", asked, 1, Sampling(), "thinking", Reasoning)
    assert [answers[f"t{i}", 0].text for i in range(2)] == [" done", ""]


@pytest.mark.parametrize(
    ("text", "reasoning", "cut", "counted"),
    [
        ("the answer", "", False, "the answer"),  # A server has taken the reasoning off and tells nothing of it.
        ("the answ", "", True, ""),  # It may be reasoning that the chat template has opened.
        ("the answ", "hm", True, "the answ"),
        ("<think>hm", "", False, ""),
        ("hm</think>x = s.split('</think>')[-1]", "", False, "x = s.split('</think>')[-1]"),
    ],
)
def test_an_answer_counts_where_its_reasoning_is_told_apart(tmp_path, text, reasoning, cut, counted):
    class Reasoning:
        def answer(self, asked, sampling, give):
            for key, _ in asked:
                give(key, Answer(text=text, reasoning=reasoning, form="chat", cut=cut, tokens=1))

    assert sample(tmp_path, "set", [Question("t", ())], 1, Sampling(), "thinking", Reasoning)["t", 0].text == counted
