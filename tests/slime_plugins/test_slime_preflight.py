"""The preflight finds what the run would stumble over, and says what is right."""

import asyncio

import pytest
import yaml
from code_reward_slime.preflight import Preflight, main, read_config
from misbehaving import other_score_of

from code_reward.errors import CodeRewardError, ConfigurationError


async def preflight(tmp_path, content):
    (tmp_path / "config.yaml").write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    await asyncio.to_thread(main, Preflight(config=tmp_path / "config.yaml"))


async def test_a_good_config_is_told_point_by_point(settings, tmp_path, capsys):
    (tmp_path / "difficulty.jsonl").write_text('{"problem_id": "p", "difficulty": 0.5}\n')
    await preflight(tmp_path, {**settings, "code_reward_curriculum": str(tmp_path / "difficulty.jsonl"), "other_plugins_key": 3})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["ok  settings", "ok  reward model", "ok  curriculum"]
    assert "gave the reference scores" in lines[1]


async def test_a_model_inside_slime_is_checked_as_far_as_it_is_there(settings, tmp_path, capsys):
    await preflight(tmp_path, {**settings, "code_reward_rm_urls": []})
    assert "checked at the first use" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code_reward_shapping": 1}, "code_reward_shapping"),
        ({"code_reward_rm_dir": "nowhere"}, "nowhere"),
        ({"code_reward_rm_urls": ["http://127.0.0.1:9"]}, "127.0.0.1:9"),
        ({"code_reward_curriculum": "nowhere.jsonl"}, "nowhere.jsonl"),
    ],
)
async def test_what_is_wrong_is_named(settings, tmp_path, change, message):
    with pytest.raises(CodeRewardError, match=message):
        await preflight(tmp_path, {**settings, **change})


async def test_another_model_at_the_address_is_found(settings, server, tmp_path):
    server.score = other_score_of
    with pytest.raises(CodeRewardError, match="not the expected reward model"):
        await preflight(tmp_path, settings)


async def test_a_sandbox_that_is_not_there_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.client._ATTEMPTS", 1)
    with pytest.raises(CodeRewardError, match="does not tell right from wrong"):
        await preflight(tmp_path, {"code_reward_sandbox_url": "http://127.0.0.1:9"})


@pytest.mark.parametrize("content", ["- a\n- b\n", "3", "a: [", "1: 2"])
def test_a_config_that_is_no_mapping_is_an_error(tmp_path, content):
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ConfigurationError, match=r"config.yaml"):
        read_config(tmp_path / "config.yaml")


def test_a_config_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none.yaml"):
        read_config(tmp_path / "none.yaml")
