"""`python -m reward_servers.embedded` as a process: it proves itself before it serves, and ends as told."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from code_reward.reference import Reference
from reward_servers.scorer import Scorer
from reward_servers.wire import CLASSIFY, EMBEDDINGS


def run(*options):
    command = [sys.executable, "-m", "reward_servers.embedded", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def post(url, dialect, batch):
    request = urllib.request.Request(url + dialect.path, json.dumps(dialect.ask(batch)).encode())
    with urllib.request.urlopen(request) as reply:
        return dialect.read(reply.read(), len(batch))


def test_served_scores_are_the_scorers(server_url, rm_dir):
    reference = Reference.load(rm_dir)
    batch = [item.ids for item in reference.items]
    expected = pytest.approx(Scorer(rm_dir).score(batch), abs=1e-4)
    assert post(server_url, CLASSIFY, batch) == expected
    assert post(server_url, EMBEDDINGS, batch) == expected


def test_text_is_scored_as_its_tokens(server_url, rm_dir):
    from tokenizers import Tokenizer

    text = "<|im_start|>user\nAdd.<|im_end|>\n"
    ids = Tokenizer.from_file(str(rm_dir / "tokenizer.json")).encode(text).ids
    request = urllib.request.Request(server_url + "/classify", json.dumps({"text": text}).encode())
    with urllib.request.urlopen(request) as reply:
        assert json.load(reply)["embedding"] == pytest.approx(post(server_url, CLASSIFY, [ids]), abs=1e-4)


def test_it_ends_with_status_0_when_told_to(serve, rm_dir):
    with serve(rm_dir) as (_, process):
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_a_port_in_use_is_one_sentence(rm_dir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("--model", rm_dir, "--port", taken.getsockname()[1])
    assert done.returncode == 2
    assert done.stderr.startswith("error: Cannot listen on 127.0.0.1:")
    assert done.stderr.count("\n") == 1


def test_a_missing_folder_and_one_that_is_no_reward_model_are_one_sentence(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        done = run("--model", folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert str(folder) in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_model_that_gives_other_scores_than_its_reference_is_not_served(rm_dir, tmp_path):
    folder = shutil.copytree(rm_dir, tmp_path / "rm")
    reference = Reference.load(folder)
    first = reference.items[0]
    items = [first.model_copy(update={"score": first.score + 0.5}), *reference.items[1:]]
    reference.model_copy(update={"items": items}).save(folder)
    done = run("--model", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{first.score + 0.5:.4g}"[:5] in done.stderr
    assert done.stderr.count("\n") == 1
