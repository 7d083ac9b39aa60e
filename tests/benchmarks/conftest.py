"""A policy behind a real HTTP endpoint, and a tiny published file in evalplus's schema."""

import asyncio
import json
import threading

import pytest
from aiohttp import web


def task(number: int, name: str, operation: str) -> dict:
    """A row of HumanEval+ as evalplus publishes it, of our own making."""
    prompt = f'def {name}(a: int, b: int) -> int:\n    """ {name.capitalize()} of two numbers.\n    """\n'
    return {
        "task_id": f"HumanEval/{number}",
        "prompt": prompt,
        "entry_point": name,
        "canonical_solution": f"    return a {operation} b\n",
        "base_input": [[1, 2], [5, 7]],
        "plus_input": [[-4, 9], [0, 0], [123, 456]],
        "atol": 0,
        "contract": "",
        "test": "",
    }


TASKS = [task(0, "plus", "+"), task(1, "minus", "-"), task(2, "times", "*")]
ANSWERS = {
    "plus": "```python\ndef plus(a, b):\n    return a + b\n```",
    # Right on the base inputs alone.
    "minus": "```python\ndef minus(a, b):\n    return a - b if a > 0 else 99\n```",
    "times": "I cannot tell.",
}


@pytest.fixture
def humaneval(tmp_path):
    path = tmp_path / "humaneval_plus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in TASKS))
    return path


class Server:
    """An OpenAI-compatible endpoint that answers by the name of the function that is asked for."""

    def __init__(self):
        self.asked = []
        self.answers = ANSWERS
        self.status = {}
        self.bodies = []
        self.odd = []
        """Choices that the next requests get in the place of their own."""
        self.served = ["tiny"]
        self.slow = 0.0
        self.url = ""

    async def answer(self, request):
        body = await request.json()
        name = next(name for name in ANSWERS if f"def {name}(" in body["messages"][-1]["content"])
        self.asked.append(name)
        if name in self.status:
            return web.json_response({"error": "no"}, status=self.status[name])
        self.bodies.append(body)
        await asyncio.sleep(self.slow)
        if self.odd:
            return web.json_response(self.odd.pop(0))
        choice = {"message": {"role": "assistant", "content": ANSWERS[name]}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {"completion_tokens": 7, "prompt_tokens": 11}})

    async def models(self, request):
        return web.json_response({"data": [{"id": name} for name in self.served]})


@pytest.fixture
def endpoint():
    server, ready, loop = Server(), threading.Event(), asyncio.new_event_loop()

    async def start():
        app = web.Application()
        app.router.add_post("/v1/chat/completions", server.answer)
        app.router.add_get("/v1/models", server.models)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        ready.set()

    def work():
        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait(20)
    yield server
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
