"""Policies: a small Qwen3 made from scratch, prompts in its chat template, and completions sampled from it.

The prompt holds the statement and nothing else; the answer is one fenced Python block. A policy made here is for experiments on one
machine; everything else takes any Hugging Face causal language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase, Qwen3Config, Qwen3ForCausalLM

from code_reward.errors import ConfigurationError
from code_reward.folders import require_folder

Message = dict[str, str]


def ask(statement: str) -> list[Message]:
    """The policy's prompt as chat messages."""
    return [{"role": "user", "content": statement}]


def answer(program: str) -> list[Message]:
    """A program as the chat message that a policy is taught to write."""
    return [{"role": "assistant", "content": f"```python\n{program.strip()}\n```"}]


def create_policy(tokenizer: PreTrainedTokenizerBase, *, hidden: int, layers: int, seed: int) -> PreTrainedModel:
    """A randomly initialised Qwen3 of `layers` layers and width `hidden` (a multiple of 32), input and output embeddings tied.

    Weights are drawn with a standard deviation of 0.08: 0.02, the usual value, is meant for models twenty times as wide, and one of 96
    learns to copy a number more slowly from it.
    """
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 32,
        head_dim=32,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        initializer_range=0.08,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen3ForCausalLM(config)
    # Servers that take the folder's word for it would otherwise answer every request with the likeliest text, whatever its temperature.
    model.generation_config.do_sample = True
    return model


def load_tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder; raises `ConfigurationError` if there is none that can be loaded."""
    require_folder(Path(folder), "a tokenizer")
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigurationError(f"{folder} cannot be loaded as a tokenizer ({first}); make one with data_prep.tokenizer.") from error


def load_policy(folder: str | Path, *, dtype: str = "auto") -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer of a causal language model folder, in the precision that it is stored in unless another is named.

    Raises `ConfigurationError` if it cannot be loaded as a causal language model.
    """
    require_folder(Path(folder), "a causal language model")
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), padding_side="left", local_files_only=True)
        return AutoModelForCausalLM.from_pretrained(str(folder), dtype=dtype, local_files_only=True), tokenizer
    except (OSError, ValueError, SafetensorError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigurationError(f"{folder} cannot be loaded as a policy ({first}); give the folder of a causal language model.") from error


@torch.inference_mode()
def sample(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    statements: Sequence[str],
    *,
    max_new_tokens: int,
    temperature: float,
    seed: int,
) -> list[str]:
    """One completion for each statement, all generated at once; the end token is kept out, a truncated answer stays so."""
    torch.manual_seed(seed)
    model.eval()
    prompts = [tokenizer.apply_chat_template(ask(statement), tokenize=False, add_generation_prompt=True) for statement in statements]
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)
    outputs = model.generate(
        **inputs, max_new_tokens=max_new_tokens, do_sample=True, temperature=temperature, top_k=0, top_p=1.0, use_cache=True
    )
    return tokenizer.batch_decode(outputs[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
