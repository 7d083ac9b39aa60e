"""The servers that are compared, each a process of its own with one thread on one core.

- `one_by_one`: CodeRM-NT's server (`rl_train_slime/reward_server_coderm.py`, revision ad625c6) rebuilt: rendered prompt and response as
  text, the user's turn and what follows the reasoning taken out, chat template, one forward pass per request in a worker thread, the logit
  clipped to ±4. It prints every text; that is left out here, to its advantage.
- `padded`: our server, with right padding and batches of similar lengths in place of packing.
- `packed`: our server, every sequence whole: no prefix is shared.
- `embedded`: our server as it is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel

Variant = Literal["one_by_one", "padded", "packed", "embedded"]


class Server(NamedTuple):
    """A running server."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """The processor time that it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(variant: Variant, model: Path, core: int) -> Iterator[Server]:
    """A server with one thread on `core`."""
    code = "import sys; from scripts.bench_reward.servers import main; main(*sys.argv[1:])"
    command = ["taskset", "-c", str(core), sys.executable, "-c", code, variant, str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().split()[-1], process.pid)
        finally:
            process.terminate()


def main(variant: Variant, folder: str) -> None:
    """Serve until terminated."""
    import torch

    from reward_servers import packing
    from reward_servers.embedded.serving import answer, load
    from reward_servers.embedded.settings import EmbeddedServer
    from reward_servers.listener import bind

    model = Path(folder)
    torch.set_num_threads(1)
    with bind("127.0.0.1", 0) as listener:
        if variant == "one_by_one":
            answer_one_by_one(listener, model)
            return
        if variant == "packed":
            packing.SHARED_TOKENS = sys.maxsize
        service = load(EmbeddedServer(model=model, threads=1))
        if variant == "padded":
            service.batcher.score = Padded(model).logits
        answer(listener, service, variant)


class Padded:
    """Scores right-padded batches of inputs of similar length, `tokens` tokens with the padding."""

    def __init__(self, model: Path, tokens: int = 1024) -> None:
        from transformers import AutoModelForSequenceClassification

        self._model, self._tokens = AutoModelForSequenceClassification.from_pretrained(model).eval(), tokens

    def logits(self, batch: Sequence[list[int]]) -> list[float]:
        scores = [0.0] * len(batch)
        order = sorted(range(len(batch)), key=lambda i: -len(batch[i]))
        while order:
            count = max(1, self._tokens // len(batch[order[0]]))
            chunk, order = order[:count], order[count:]
            for i, score in zip(chunk, self._forward([batch[i] for i in chunk]), strict=True):
                scores[i] = score
        return scores

    def _forward(self, batch: Sequence[list[int]]) -> list[float]:
        import torch

        lengths = torch.tensor([len(ids) for ids in batch])
        ids = torch.tensor([[*ids, *[0] * (int(lengths.max()) - len(ids))] for ids in batch])
        with torch.inference_mode():
            hidden = self._model.model(input_ids=ids, use_cache=False).last_hidden_state
            scores: list[float] = self._model.score(hidden[torch.arange(len(batch)), lengths - 1]).squeeze(-1).tolist()
            return scores


class Answer(BaseModel):
    """The body of a request to CodeRM-NT's server."""

    question: str
    response: str


def answer_one_by_one(listener: object, folder: Path) -> None:
    """One forward pass per request."""
    import asyncio

    import numpy as np
    import torch
    import uvicorn
    from fastapi import FastAPI
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from reward_servers.listener import Server as Listening

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    app = FastAPI()

    @app.post("/predict")
    def predict(data: Answer) -> dict[str, float]:
        turn = re.search(r"<\|im_start\|>user\s*(.*?)\s*<\|im_end\|>", data.question, re.DOTALL)
        response = data.response.rpartition("</think>")[2].strip()
        messages = [{"role": "user", "content": turn[1] if turn else ""}, {"role": "assistant", "content": response}]
        ids = tokenizer.apply_chat_template(messages, return_tensors="pt", return_dict=True)["input_ids"]
        with torch.no_grad():
            logits = model(ids).logits
        return {"rewards": float(np.clip(logits.squeeze(1).float().cpu().numpy().tolist()[0], -4, 4))}

    asyncio.run(Listening(uvicorn.Config(app, log_level="warning", access_log=False)).serve([listener]))  # type: ignore[list-item]
