"""A rollout collection of NeMo-Gym's own: its agent over HTTP, its collector, its files. Run by NeMo-Gym's interpreter, never imported.

    NEMO_GYM_ROOT on PYTHONPATH; arguments: the gateway's URL, a JSON file {"rows": [...], "answers": {statement: text}}, an output folder.

Only the policy is a stand-in: a server that gives each statement's answer. The collector's files are in the folder afterwards.
"""

import asyncio
import json
import multiprocessing
import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlparse

import uvicorn
from fastapi import FastAPI, Request


def listener():
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen()
    return bound


def policy(answers):
    """A model server of NeMo-Gym's kind."""
    app = FastAPI()

    @app.post("/v1/responses")
    async def responses(request: Request):
        body = await request.json()
        text = answers[body["input"][-1]["content"]]
        content = [{"type": "output_text", "text": text, "annotations": []}]
        message = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": content}
        known = {"id": "r", "object": "response", "created_at": 0.0, "model": "m", "tools": [], "tool_choice": "auto"}
        return {**known, "parallel_tool_calls": False, "output": [message]}

    return app


def head(config):
    app = FastAPI()

    @app.get("/global_config_dict_yaml")
    async def global_config():
        return config

    return app


def configuration(gateway, at):
    """NeMo-Gym's global configuration: a policy, an agent, and the gateway in the place of a resources server."""
    url = urlparse(gateway)
    reward = {"host": url.hostname, "port": url.port, "entrypoint": "app.py", "domain": "coding"}
    references = {
        "resources_server": {"type": "resources_servers", "name": "reward"},
        "model_server": {"type": "responses_api_models", "name": "policy"},
    }
    return {
        "head_server": {"host": "127.0.0.1", "port": at["head"]["port"]},
        "reward": {"resources_servers": {"code_reward": reward}},
        "policy": {"responses_api_models": {"stand_in": at["policy"]}},
        "agent": {"responses_api_agents": {"simple_agent": {**at["agent"], **references}}},
    }


async def serve(bound, config, answers):
    """The policy, NeMo-Gym's agent and its head server."""
    from nemo_gym.global_config import get_global_config_dict
    from nemo_gym.server_utils import ServerClient
    from responses_api_agents.simple_agent.app import SimpleAgent

    client = ServerClient(head_server_config=ServerClient.load_head_server_config(), global_config_dict=get_global_config_dict())
    agent = SimpleAgent(config=SimpleAgent.load_config_from_global_config(), server_client=client)
    apps = {"head": head(json.dumps(config)), "agent": agent.setup_webserver(), "policy": policy(answers)}
    servers = [uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off")) for app in apps.values()]
    await asyncio.gather(*(server.serve([bound[name]]) for name, server in zip(apps, servers, strict=True)))


def main(gateway, task_file, folder):
    bound = {name: listener() for name in ("head", "agent", "policy")}
    at = {name: {"host": "127.0.0.1", "port": one.getsockname()[1], "entrypoint": "app.py"} for name, one in bound.items()}
    config = configuration(gateway, at)
    os.environ["NEMO_GYM_CONFIG_DICT"] = json.dumps(config)
    os.environ["NEMO_GYM_CONFIG_PATH"] = "agent"
    task = json.loads(Path(task_file).read_text())
    # A process of their own, because NeMo-Gym's collector asks the head server without leaving its event loop.
    serving = multiprocessing.get_context("fork").Process(target=lambda: asyncio.run(serve(bound, config, task["answers"])), daemon=True)
    serving.start()

    from nemo_gym.rollout_collection import RolloutCollectionConfig, RolloutCollectionHelper

    out = Path(folder)
    (out / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in task["rows"]))
    files = {"input_jsonl_fpath": str(out / "rows.jsonl"), "output_jsonl_fpath": str(out / "rollouts.jsonl")}
    try:
        asyncio.run(RolloutCollectionHelper().run_from_config(RolloutCollectionConfig(agent_name="agent", **files)))
    finally:
        serving.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
