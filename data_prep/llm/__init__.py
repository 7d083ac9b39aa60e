"""Asking language models: requests, endpoints, prompts, and a ledger that remembers every answer that was paid for.

A question is a `Request`, an answer a `Reply`, and everything that can go wrong between them an `LLMError` with a kind. What an answer
*means* is not known here: an answer that cannot be read is the asker's business. `LLM` speaks to any OpenAI-compatible server over HTTP;
`Ledger` stands between it and a run, so that a run that was killed, or is repeated without a network, gets the answers that it had.
"""

from data_prep.llm.budget import Budget
from data_prep.llm.client import LLM, Asker
from data_prep.llm.endpoint import Endpoint
from data_prep.llm.errors import LLMError, RunStopped
from data_prep.llm.ledger import Ledger, Scope
from data_prep.llm.prompt import Prompt
from data_prep.llm.request import Reply, Request

__all__ = ["LLM", "Asker", "Budget", "Endpoint", "LLMError", "Ledger", "Prompt", "Reply", "Request", "RunStopped", "Scope"]
