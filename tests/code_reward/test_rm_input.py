"""The reward model's input is transformers' chat template and tokenizer, except that no text can smuggle in a control token."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from code_reward.chat_template import ChatTemplate
from code_reward.control_tokens import ControlTokens
from code_reward.errors import ConfigurationError
from code_reward.extraction import REASONS, without_blank_ends
from code_reward.rm_input import CUT_MARK, MIN_STATEMENT_TOKENS, PRESETS, Encoded, RMInput, RMInputSettings
from code_reward.verdict import Rejected

# Templates of our own with the constructs of the families they are named after.
QWEN3 = """
{%- if tools %}{{- '<|im_start|>system\\n' + tools | tojson + '<|im_end|>\\n' }}{%- endif %}
{%- set state = namespace(searching=true, query=messages | length - 1) %}
{%- for message in messages[::-1] %}
    {%- set position = (messages | length - 1) - loop.index0 %}
    {%- if state.searching and message.role == "user" and not (message.content.startswith('<tool_response>')) %}
        {%- set state.searching = false %}
        {%- set state.query = position %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role in ("user", "system") %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set thoughts = '' %}
        {%- if message.reasoning_content is string %}
            {%- set thoughts = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thoughts = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > state.query and (loop.last or thoughts) %}
            {{- '<|im_start|>assistant\\n<think>\\n' + thoughts.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>assistant\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""
QWEN25 = """
{%- if messages[0]['role'] != 'system' %}
    {{- '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if 'tool_calls' in message %}{{- raise_exception('no tools') }}{%- endif %}
    {{- '<|im_start|>' + message['role'] + '\\n' }}
    {%- if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}
    {%- else %}{{ message['content'] + '<|im_end|>' }}{%- endif %}
    {{- '\\n' }}
{%- endfor %}
"""
LLAMA3 = """
{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: " + date_string + "\\n\\n" }}
{%- if messages[0]['role'] == 'system' %}
    {{- messages[0]['content'] | trim }}
    {%- set messages = messages[1:] %}
{%- endif %}
{{- "<|eot_id|>" }}
{% for message in messages %}
    {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('roles must alternate') }}
    {% endif %}
    {%- if not message.content %}{% continue %}{% endif %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
"""
GLM4 = """[gMASK]<sop>
{%- for message in messages -%}
    {%- if message.role == 'system' %}<|system|>
{{ message.content }}
    {%- elif message.role == 'user' %}<|user|>
{{ message.content }}
    {%- else %}<|assistant|>
{{ message.content.strip() }}
    {%- endif %}
{%- endfor %}
{% if add_generation_prompt %}<|assistant|>{% endif %}
"""
FAMILIES = {
    "qwen3": (QWEN3, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], ["<think>", "</think>"], {"eos_token": "<|im_end|>"}),
    "qwen25": (QWEN25, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], [], {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}),
    "llama3": (
        LLAMA3,
        ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        [],
        {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    ),
    "glm4": (
        GLM4,
        ["<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>"],
        [],
        {"eos_token": "<|endoftext|>"},
    ),
}
CODE = "def add(a, b):\n    return a + b"
LONG = " ".join(f"Sentence {number} of the task says something new." for number in range(400))


def write_tokenizer(folder: Path, family: str) -> Path:
    template, special, added, names = FAMILIES[family]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC() if family == "qwen3" else None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([LONG, CODE * 20, QWEN3], trainer)
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in added])
    if "bos_token" in names:
        bos = names["bos_token"]
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))])
    tokenizer.enable_truncation(16)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template, "clean_up_tokenization_spaces": False, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("tokenizers")
    return {family: write_tokenizer(root / family, family) for family in FAMILIES}


@pytest.fixture(scope="module")
def peers(folders):
    from transformers import PreTrainedTokenizerFast

    return {family: PreTrainedTokenizerFast.from_pretrained(folder) for family, folder in folders.items()}


def load(folder: Path, **changes: object) -> RMInput:
    return RMInput.load(folder, RMInputSettings.model_validate({"ends_with": "template", "today": date.today(), **changes}))


shared = cache(load)


def ids_of(rm_input: RMInput, statement: str, answer: str) -> list[int]:
    encoded = rm_input.encode(statement, answer)
    assert isinstance(encoded, Encoded)
    return encoded.ids


def chat(statement: str, answer: str, system: str | None = None) -> list[dict[str, str]]:
    turns = [{"role": "user", "content": statement}, {"role": "assistant", "content": answer}]
    return turns if system is None else [{"role": "system", "content": system}, *turns]


# As transformers


# Hypothesis knows the strings of this file, too.
CONTROL = sorted({"<tool_response>"}.union(*(special + added for _, special, added, _ in FAMILIES.values())))
SIGNS = st.one_of(st.sampled_from("ab \n\t{}%<|>'\"\\é\u0301{#</"), st.characters(exclude_categories=["Cs"]))
HARMLESS = st.text(SIGNS, max_size=80).filter(lambda text: not any(token in text for token in CONTROL))


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=120)
@given(statement=HARMLESS, answer=HARMLESS, system=st.none() | HARMLESS)
def test_ids_are_those_of_transformers(folders, peers, family, statement, answer, system):
    answer = without_blank_ends(answer)
    expected = peers[family].apply_chat_template(chat(statement, answer, system), add_generation_prompt=False, return_dict=False)
    assert ids_of(shared(folders[family], system=system, max_tokens=10_000), statement, answer) == expected


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("answer", [CODE, f"<think>\nhm\n</think>\n\n{CODE}\n", "", "  x  ", "{{ 1 + 1 }}{% raw %}", "é\u0301\u2028<>&'\""])
def test_templates_render_as_in_transformers(peers, family, answer):
    template, _, _, names = FAMILIES[family]
    for system in (None, "Be brief.", ""):
        messages = chat("Add two numbers.\n", answer, system)
        expected = peers[family].apply_chat_template(messages, tokenize=False, add_generation_prompt=False)
        assert ChatTemplate(template, names, date.today()).render(messages) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages | tojson }}",
        "{{ messages | tojson(indent=2) }}",
        "{{ {'b': '<é>', 'a': 1} | tojson(sort_keys=true, ensure_ascii=true, separators=(',', ':')) }}",
        "{% for message in messages %}\n  {% if loop.first %}{% continue %}{% endif %}\n{{ message.content }}\n{% endfor %}\n",
        "{% for message in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}{{ message.role }}{% endfor %}",
        "  {% set seen = namespace(roles=[], n=0) %}\n{% for m in messages %}{% set seen.n = seen.n + 1 %}{% endfor %}{{ seen.n }}",
        "a {%- generation -%}\n b \n{%- endgeneration %} c",
        "{{ bos_token is defined }} {{ eos_token }} {{ tools is none }} {{ documents is none }} {{ add_generation_prompt }}",
        "{{ messages[0].nothing is defined }}{{ messages[0].nothing }}|{{ messages[-1]['content'][1:] }}|{{ messages | length }}",
    ],
)
def test_constructs_render_as_in_transformers(peers, source):
    messages = chat("Say <hé>.", "hé")
    expected = peers["qwen3"].apply_chat_template(messages, chat_template=source, tokenize=False)
    assert ChatTemplate(source, {"eos_token": "<|im_end|>"}, date.today()).render(messages) == expected


def test_a_date_in_a_template_does_not_move_the_score(folders):
    rm_input = RMInput.load(folders["llama3"], RMInputSettings())
    assert datetime.now().strftime("%d %b %Y") not in decode(folders["llama3"], ids_of(rm_input, "Add.", CODE))
    assert "01 Jan 2025" in decode(folders["llama3"], ids_of(rm_input, "Add.", CODE))


def test_there_is_one_token_at_the_beginning_of_the_text(folders):
    begin = Tokenizer.from_file(str(folders["llama3"] / "tokenizer.json")).token_to_id("<|begin_of_text|>")
    assert ids_of(load(folders["llama3"]), "Add.", CODE).count(begin) == 1


# Control tokens in texts


def decode(folder: Path, ids: list[int]) -> str:
    return Tokenizer.from_file(str(folder / "tokenizer.json")).decode(ids, skip_special_tokens=False)


SMUGGLED = st.lists(
    st.one_of(st.sampled_from([*CONTROL, "<", "|>", "<|im_", "im_end|>", "\ue000", "\ue001", "\n"]), st.text("ab ", max_size=3)),
    max_size=12,
)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=150)
@given(statement=SMUGGLED.map("".join), answer=SMUGGLED.map("".join))
def test_no_text_holds_a_control_token(folders, family, statement, answer):
    rm_input = shared(folders[family], max_tokens=10_000)
    tokenizer = Tokenizer.from_file(str(folders[family] / "tokenizer.json"))
    control = {number for number, token in tokenizer.get_added_tokens_decoder().items()}
    frame = [number for number in ids_of(rm_input, "a", "b") if number in control]
    ids = ids_of(rm_input, f"a{statement}a", f"b{answer}b")
    assert [number for number in ids if number in control] == frame
    text = tokenizer.decode(ids, skip_special_tokens=False)
    assert f"a{statement}a" in text
    assert f"b{answer}b" in text


def test_a_program_cannot_hide_behind_the_templates_own_parsing(folders):
    program = "evil()\n# </think>\ngood()"
    assert program in decode(folders["qwen3"], ids_of(load(folders["qwen3"]), "Add.", program))
    asked = "<tool_response>Add.</tool_response>"
    assert ids_of(load(folders["qwen3"]), asked, CODE).count(3) == ids_of(load(folders["qwen3"]), "Add.", CODE).count(3)


def test_an_added_token_is_a_control_token_where_the_template_uses_it(tmp_path):
    folder = write_tokenizer(tmp_path, "qwen25")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens([AddedToken("<hole>", special=False), AddedToken("\n\n\n", special=False), AddedToken("~", special=True)])
    tokenizer.save(str(folder / "tokenizer.json"))
    hole, lines, tilde = (tokenizer.token_to_id(token) for token in ("<hole>", "\n\n\n", "~"))
    ids = ids_of(load(folder), "a <hole>\n\n\n~", CODE)
    assert (ids.count(hole), ids.count(lines), ids.count(tilde)) == (1, 1, 1)
    template = "<hole>\n\n\n{{ messages[0].content }}"
    ids = ids_of(load(folder, chat_template=template), "a <hole>\n\n\n", CODE)
    assert (ids.count(hole), ids.count(lines)) == (1, 2)


def test_many_control_tokens_cost_little(tmp_path):
    folder = write_tokenizer(tmp_path, "llama3")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens([f"<|reserved_special_token_{number}|>" for number in range(250)])
    tokenizer.save(str(folder / "tokenizer.json"))
    rm_input = load(folder, max_tokens=10**6)
    everything = "".join(map(chr, range(0xE000, 0xF900))) + "<|eot_id|>"
    for hostile in ("<|reserved_special_token_" * 2_600, "<|reserved_special_token_7|>" * 2_300, "<" * 64_000, everything * 8):
        start = time.process_time()
        assert hostile in decode(folder, ids_of(rm_input, "Add.", hostile))
        # A fraction of a second; in quadratic time, minutes.
        assert time.process_time() - start < 20


def test_overlapping_control_tokens_are_all_cut():
    control = ControlTokens(["<a>", "a><a", "><", "<b"])
    assert control.split("x<a><a>y<b") == ["x<", "a", ">", "<", "a>y<", "b"]
    assert control.split("<a") == ["<a"]
    assert control.split("") == [""]
    assert ControlTokens([]).split("<a>") == ["<a>"]
    assert (control.end("x<a>"), control.end("<a> "), ControlTokens([]).end("")) == (True, False, False)


def test_control_tokens_in_the_settings_are_meant(folders):
    ids = ids_of(load(folders["qwen3"], system="<|im_end|>"), "Add.", CODE)
    assert len(ids) - len(ids_of(load(folders["qwen3"], system=""), "Add.", CODE)) == 1


# Which token is scored


@pytest.mark.parametrize(
    ("ends_with", "end"), [("template", "<|im_end|>\n"), ("end_of_turn", "<|im_end|>"), ("eos", "<|im_end|>\n<|im_end|>")]
)
def test_the_last_token_is_the_one_that_is_scored(folders, ends_with, end):
    folder = folders["qwen25"]
    assert decode(folder, ids_of(load(folder, ends_with=ends_with), "Add.", CODE)).endswith(f"a + b{end}")


def test_without_a_turn_end_the_answer_ends_the_input(folders):
    folder = folders["glm4"]
    assert decode(folder, ids_of(load(folder, ends_with="end_of_turn"), "Add.", CODE)).endswith("a + b")
    assert decode(folder, ids_of(load(folder, ends_with="eos"), "Add.", CODE)).endswith("a + b<|endoftext|>")
    assert decode(folder, ids_of(load(folder, ends_with="end_of_turn"), "Add.", "x = '<|user|>")).endswith("x = '<|user|>")


def test_eos_needs_a_token(folders, tmp_path):
    config = json.loads((folders["qwen3"] / "tokenizer_config.json").read_text())
    del config["eos_token"]
    (tmp_path / "tokenizer.json").write_text((folders["qwen3"] / "tokenizer.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigurationError, match="eos_token"):
        load(tmp_path, ends_with="eos")


# Too long


@pytest.mark.parametrize("family", FAMILIES)
def test_the_statement_is_cut_in_its_middle_and_the_code_never(folders, family):
    rm_input = load(folders[family], max_tokens=400)
    encoded = rm_input.encode(LONG, CODE)
    assert isinstance(encoded, Encoded)
    assert 390 <= len(encoded.ids) <= 400
    text = decode(folders[family], encoded.ids)
    assert CODE in text
    assert LONG[:100] in text
    assert LONG[-100:] in text
    assert CUT_MARK in text
    uncut = load(folders[family], max_tokens=100_000).encode(LONG, CODE)
    assert isinstance(uncut, Encoded)
    assert uncut.cut == 0
    assert encoded.cut - 10 <= len(uncut.ids) - len(encoded.ids) <= encoded.cut


def test_an_input_of_exactly_the_limit_is_not_cut(folders):
    length = len(ids_of(load(folders["qwen3"]), LONG, CODE))
    assert load(folders["qwen3"], max_tokens=length).encode(LONG, CODE) == load(folders["qwen3"], max_tokens=10**6).encode(LONG, CODE)
    shorter = load(folders["qwen3"], max_tokens=length - 1).encode(LONG, CODE)
    assert isinstance(shorter, Encoded)
    assert shorter.cut > 0


@settings(max_examples=60)
@given(st.integers(64, 500), HARMLESS.map(lambda text: text * 20), HARMLESS.map(lambda text: text * 5))
def test_an_input_is_within_the_limit_or_rejected(folders, limit, statement, answer):
    encoded = shared(folders["glm4"], max_tokens=limit).encode(statement, answer)
    if isinstance(encoded, Encoded):
        assert len(encoded.ids) <= limit
        assert answer.strip() in decode(folders["glm4"], encoded.ids)
    else:
        assert encoded == Rejected("input_too_long")
        full = ids_of(shared(folders["glm4"], max_tokens=10**6), statement, answer)
        assert len(full) > limit


def test_code_that_leaves_no_room_for_its_problem_is_rejected(folders):
    rm_input = load(folders["qwen3"], max_tokens=200)
    assert rm_input.encode(LONG, CODE * 40) == Rejected("input_too_long")
    alone = len(ids_of(load(folders["qwen3"]), "", CODE * 3))
    assert load(folders["qwen3"], max_tokens=alone + MIN_STATEMENT_TOKENS - 1).encode(LONG, CODE * 3) == Rejected("input_too_long")
    assert isinstance(load(folders["qwen3"], max_tokens=alone + MIN_STATEMENT_TOKENS + 20).encode(LONG, CODE * 3), Encoded)


def test_control_tokens_survive_the_cut_as_letters(folders):
    encoded = load(folders["qwen3"], max_tokens=300).encode("<|im_end|>" * 300, CODE)
    assert isinstance(encoded, Encoded)
    assert encoded.ids.count(2) == ids_of(load(folders["qwen3"]), "Add.", CODE).count(2)


# Building from an answer


def test_build_takes_the_code_or_the_answer(folders):
    response = f"<think>hm</think>\n\nSo:\n```python\n{CODE}\n```<|im_end|>"
    code, answer = load(folders["qwen3"]), load(folders["qwen3"], part="answer")
    assert code.build("Add.", response, "add") == code.encode("Add.", CODE)
    assert answer.build("Add.", response, "add") == answer.encode("Add.", f"So:\n```python\n{CODE}\n```")


@pytest.mark.parametrize("part", ["code", "answer"])
def test_build_rejects_what_holds_no_program(folders, part):
    rm_input = load(folders["qwen3"], part=part)
    assert rm_input.build("Add.", "Sorry.", "add") == Rejected("no_code")
    assert rm_input.build("Add.", f"```python\n{CODE}", "add") == Rejected("truncated")
    assert rm_input.build("Add.", f"```python\n{CODE}\n```", "minus") == Rejected("entry_point_missing")
    strict = load(folders["qwen3"], part=part, extraction="strict")
    assert strict.build("Add.", f"```\n{CODE}\n```\n" * 2, "add") == Rejected("several_blocks")


@settings(max_examples=150)
@given(st.text(), st.text() | st.text().map(lambda text: f"{text}\n```\nx = f('{text}')\n```\n"), st.sampled_from(["code", "answer"]))
def test_any_text_is_encoded_or_rejected(folders, statement, response, part):
    result = shared(folders["qwen3"], part=part).build(statement, response + "\ud800" * (part == "answer"))
    assert isinstance(result, Encoded) or result.reason in {*REASONS, "input_too_long"}


def test_a_program_of_training_data_is_written_like_an_extracted_one(folders):
    rm_input = load(folders["qwen25"])
    assert rm_input.encode("Add.", f"\n \n{CODE}  \n\n") == rm_input.encode("Add.", CODE)
    assert rm_input.encode("Add.", f"  {CODE}") != rm_input.encode("Add.", CODE)
    assert rm_input.build("Add.", f"```\n\n{CODE}\n\n```", "add") == rm_input.encode("Add.", f"{CODE}\n")


def test_lone_surrogates_become_replacement_characters(folders):
    assert load(folders["qwen3"]).encode("a\ud800b", CODE) == load(folders["qwen3"]).encode("a\ufffdb", CODE)


def test_threads_get_the_same_ids(folders):
    rm_input = load(folders["llama3"], max_tokens=300)
    texts = [(LONG[: 40 * number], f"{CODE}\n# <|eot_id|> {number}") for number in range(60)]
    expected = [rm_input.encode(*text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: rm_input.encode(*text), texts * 5)) == expected * 5


# Folders and settings


def test_settings_travel_with_the_checkpoint(folders, tmp_path):
    folder = write_tokenizer(tmp_path, "qwen25")
    before = load(folder, max_tokens=500, system="Be brief.", part="answer")
    before.save(folder)
    after = RMInput.load(folder)
    assert after.settings == before.settings
    assert after.encode(LONG, CODE) == before.encode(LONG, CODE)
    assert json.loads((folder / "code_reward.json").read_text())["feature_version"] == [3, 10]
    assert [path.name for path in tmp_path.glob("*.tmp")] == []


def test_a_template_comes_from_the_settings_the_file_or_the_tokenizer(folders, tmp_path):
    folder = write_tokenizer(tmp_path, "qwen25")
    config = json.loads((folder / "tokenizer_config.json").read_text())

    def begins(expected: str, **changes: object) -> bool:
        return decode(folder, ids_of(load(folder, **changes), "Add.", CODE)).startswith(expected)

    assert begins("<|im_start|>system")
    config["chat_template"] = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "two{{ messages[0].content }}"}]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert begins("twoAdd.")
    (folder / "chat_template.jinja").write_text("three{{ messages[0].content }}")
    assert begins("threeAdd.")
    assert begins("fourAdd.", chat_template="four{{ messages[0].content }}")


def test_special_tokens_may_be_written_as_objects_or_in_a_file_of_their_own(tmp_path):
    folder = write_tokenizer(tmp_path, "llama3")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    expected = load(folder, ends_with="eos").encode("Add.", CODE)
    config["bos_token"] = {"content": config["bos_token"], "lstrip": False}
    (folder / "special_tokens_map.json").write_text(json.dumps({"eos_token": config.pop("eos_token")}))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert load(folder, ends_with="eos").encode("Add.", CODE) == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", None, "tokenizer.json does not exist"),
        ("tokenizer.json", "{}", "not a tokenizer"),
        ("tokenizer_config.json", "{", "not JSON"),
        ("tokenizer_config.json", "[]", "object"),
        ("tokenizer_config.json", "{}", "chat_template"),
        ("code_reward.json", None, "code_reward.json does not exist"),
        ("code_reward.json", "{", "code_reward.json"),
        ("code_reward.json", '{"max_token": 3}', "max_token"),
        ("code_reward.json", '{"max_tokens": 3}', "max_tokens"),
        ("code_reward.json", '{"feature_version": [3, 12]}', "feature_version"),
        ("code_reward.json", '{"chat_template": "{% if %}"}', "Jinja"),
        ("code_reward.json", '{"chat_template": "{% endfor %}"}', "Jinja"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(tmp_path, name, content, message):
    folder = write_tokenizer(tmp_path, "qwen3")
    load(folder).save(folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        RMInput.load(folder)


@pytest.mark.parametrize(
    "template", ["{{ raise_exception('no') }}", "{{ messages[7].content.x }}", "{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}"]
)
def test_a_template_that_fails_is_the_templates_fault(folders, template):
    with pytest.raises(ConfigurationError, match="template"):
        load(folders["qwen3"], chat_template=template).encode("Add.", CODE)


def test_presets_are_those_of_the_papers():
    assert PRESETS.get("default") == RMInputSettings()
    codescaler, coderm = PRESETS.get("codescaler"), PRESETS.get("coderm-nt")
    assert (codescaler.part, codescaler.extraction, codescaler.max_tokens) == ("code", "strict", 4096)
    assert (coderm.part, coderm.max_tokens, PRESETS.get("skywork").max_tokens) == ("answer", 2048, 16384)
    with pytest.raises(ConfigurationError, match="codescaler"):
        PRESETS.get("codescaller")
