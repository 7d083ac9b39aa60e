"""slime's own training loop with a real language model as its judge: SGLang serves it on CPU, replies that cannot be read included.

A small model forgets the form that was asked for as often as not. So some verdicts are scores and some are missing, and both are told apart
in slime's samples, in what Megatron trains on, and in the metrics.
"""

import os
import re
from pathlib import Path
from statistics import mean

import pytest
import served_llm

from scripts.slime_cpu import recipe
from scripts.slime_cpu.models import build_policy, make_problems
from scripts.slime_cpu.rollouts import read_rollouts

NEEDED = ("SLIME_ROOT", "MEGATRON_ROOT", "CODE_REWARD_CHAT_MODEL")
ABSENT = [name for name in NEEDED if not os.environ.get(name)]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(
        bool(ABSENT or not recipe.PYTHON.exists()),
        reason=f"{', '.join(ABSENT) or '.venv-integration'} not there: not checked is a real chat model as the judge in slime's loop; "
        "CODE_REWARD_CHAT_MODEL names the folder of one, e.g. Qwen2.5-Coder-0.5B-Instruct",
    ),
]


async def test_a_real_model_judges_slimes_rollouts(tmp_path):
    policy = build_policy(tmp_path / "qwen3", "qwen3")
    model, log = Path(os.environ["CODE_REWARD_CHAT_MODEL"]), tmp_path / "judge.txt"
    with served_llm.serving(model, log, name="judge", context=4096, dtype="bfloat16", mem_fraction_static="0.4") as (process, url):
        await served_llm.until_well(process, url, log)
        judge = {"urls": [f"{url}/v1"], "model": "judge", "concurrency": 8, "reply_tokens": 200, "votes": 1, "temperature": 0.0}
        # However busy the machine is, a reply comes.
        judge |= {"request_seconds": 1000, "deadline_seconds": 1000, "budget_calls": 500}
        settings = {"code_reward_judge": judge, "code_reward_max_missing": 0.99}
        settings["code_reward_programs_dir"] = str(tmp_path / "own")
        flags = recipe.prepare(tmp_path, policy=policy, rm=None, problems=make_problems(), settings=settings)
        flags += [*recipe.sizes(rollouts=2, prompts=2, samples=4, response=48)]
        flags += ["--custom-rm-path", "code_reward_slime.rewards.judge_reward"]
        with recipe.running("train.py", flags, tmp_path / "log.txt") as run:
            status = run.wait(1200)
    said = (tmp_path / "log.txt").read_text(errors="replace")
    assert status == 0, said[-4000:]
    records = [sample["metadata"]["code_reward"] for rollout in read_rollouts(tmp_path) for sample in rollout.samples]
    judged = [record for record in records if "judge" in record]
    assert len(records) == 16
    assert judged, "the policy wrote no program"
    for record in judged:
        if record["verdict"] == "scored":
            assert record["score"] == mean(record["judge"]["votes"])
        else:
            assert (record["verdict"], record["reason"], record["shaped"]) == ("missing", "unparsable", None)
            assert record["judge"]["unparsable"] == 4
    assert any(record["verdict"] == "scored" for record in judged)
    assert re.search(r"judge/unparsable': [\d.]+", said)
    paid = len((tmp_path / "own" / "judge_spent.jsonl").read_text().splitlines())
    asked = [record for record in judged if not record["cached"]]
    # The same program twice at once is asked about once.
    assert 0 < paid <= sum(record["judge"]["unparsable"] + len(record["judge"]["votes"]) for record in asked)
