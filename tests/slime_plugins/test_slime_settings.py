"""The settings on slime's arguments: every wrong one is an error that names it."""

from argparse import Namespace

import pytest
from code_reward_slime.settings import Settings, read_settings
from slime_samples import make_args

from code_reward.errors import ConfigurationError


def test_without_any_key_the_defaults_hold():
    assert read_settings(make_args()) == Settings()
    assert read_settings(object.__new__(type("Args", (), {}))) == Settings()


def test_keys_with_our_prefix_are_read_and_others_are_left_alone():
    args = make_args(rm_url="x", code_reward_rm_urls=["http://a", "http://b"], code_reward_client={"deadline_seconds": 7})
    settings = read_settings(args)
    assert settings.rm_urls == ("http://a", "http://b")
    assert settings.client.deadline_seconds == 7
    assert settings.client.list_items == Settings().client.list_items


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"code_reward_shapping": "raw"}, "code_reward_shapping is not a setting, did you mean code_reward_shaping"),
        ({"code_reward_": 1}, "code_reward_ is not a setting"),
        ({"code_reward_client": {"deadline_second": 1}}, "did you mean code_reward_client.deadline_seconds"),
        ({"code_reward_overlong": {"tokens": 9, "bufer": 1}}, "did you mean code_reward_overlong.buffer"),
        ({"code_reward_client": 3}, "code_reward_client: "),
        ({"code_reward_max_missing": 1.5}, "code_reward_max_missing: "),
        ({"code_reward_rm_urls": "http://one"}, "code_reward_rm_urls: "),
        ({"code_reward_advantages": "gae"}, "code_reward_advantages: "),
        ({"code_reward_overlong": {"tokens": 1, "buffer": 2}}, "code_reward_overlong: "),
        ({"code_reward_sandbox_limits": {"cpu_seconds": -1}}, "code_reward_sandbox_limits.cpu_seconds: "),
        ({"code_reward_shaping": "unknown"}, "code_reward_shaping"),
        ({"code_reward_shaping": "raw"}, "code_reward_rejected"),
        ({"code_reward_rejected": 0.0}, "code_reward_rejected"),
    ],
)
def test_a_wrong_setting_is_named(given, named):
    with pytest.raises(ConfigurationError) as caught:
        read_settings(make_args(**given))
    assert named in str(caught.value)


def test_several_wrong_settings_are_named_at_once():
    with pytest.raises(ConfigurationError, match=r"code_reward_one.*code_reward_two"):
        read_settings(Namespace(code_reward_one=1, code_reward_two=2))


def test_settings_are_hashable_because_connections_are_kept_by_them():
    assert hash(read_settings(make_args(code_reward_overlong={"tokens": 2, "buffer": 1}))) == hash(
        read_settings(make_args(code_reward_overlong={"tokens": 2, "buffer": 1}))
    )
