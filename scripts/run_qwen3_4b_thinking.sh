#!/usr/bin/env bash
# Reinforce Qwen3-4B-Thinking-2507 on OpenCodeInstruct in slime, with the RM, unit tests or both as reward: run_qwen3_4b_thinking.sh --help
set -euo pipefail
# shellcheck source=scripts/launch/slime.sh
source "$(dirname "${BASH_SOURCE[0]}")/launch/slime.sh"

NAME=qwen3-4b-thinking
ABOUT="Reinforce Qwen3-4B-Thinking-2507 on OpenCodeInstruct in slime: 5,000 prompts, groups of 16, 8 prompts a step, answers of up to 15,000 tokens."
# The 2507 models have a rotary base of 5e6. slime has a file for the Instruct model only, and the two share every other number.
MODEL_SCRIPT=qwen3-4B-Instruct-2507.sh

MODEL_HUB=Qwen/Qwen3-4B-Thinking-2507
PROMPTS_FROM="python -m data_prep.prompts opencodeinstruct (docs/train_qwen3_4b_thinking.md)"

model_defaults() {
   MODEL_DIR=${MODEL_DIR:-checkpoints/Qwen3-4B-Thinking-2507}
   PROMPT_DATA=${PROMPT_DATA:-data/opencodeinstruct.jsonl}
   NUM_ROLLOUT=${NUM_ROLLOUT:-625} ROLLOUT_BATCH=${ROLLOUT_BATCH:-8} GROUP=${GROUP:-16}
   RESPONSE_LENGTH=${RESPONSE_LENGTH:-15000} TEMPERATURE=${TEMPERATURE:-0.8}
   TESTS_REWARD=${TESTS_REWARD:-binary}
   LR=${LR:-1e-6} LR_DECAY=${LR_DECAY:-cosine}
   TENSOR_PARALLEL=${TENSOR_PARALLEL:-2} CONTEXT_PARALLEL=${CONTEXT_PARALLEL:-1}
   # An answer of 15,000 tokens and its prompt must fit.
   MAX_TOKENS_PER_GPU=${MAX_TOKENS_PER_GPU:-18432}
}

launch "$@"
