#!/usr/bin/env bash
# Reinforce GLM-4-9B-0414 on KodCode in slime, with the RM, unit tests or both as reward: run_glm4_9b.sh --help
set -euo pipefail
# shellcheck source=scripts/launch/slime.sh
source "$(dirname "${BASH_SOURCE[0]}")/launch/slime.sh"

NAME=glm4-9b
ABOUT="Reinforce GLM-4-9B-0414 on KodCode in slime: 9,000 prompts, groups of 8, 8 prompts a step, answers of up to 2,048 tokens."
# Its --spec is slime_plugins.models.glm4, slime's own package: nothing of ours may bear that name.
MODEL_SCRIPT=glm4-9B.sh

MODEL_HUB=zai-org/GLM-4-9B-0414
PROMPTS_FROM="python -m data_prep.prompts kodcode (docs/train_glm4_9b.md)"

model_defaults() {
   MODEL_DIR=${MODEL_DIR:-checkpoints/GLM-4-9B-0414}
   PROMPT_DATA=${PROMPT_DATA:-data/kodcode.jsonl}
   NUM_ROLLOUT=${NUM_ROLLOUT:-1125} ROLLOUT_BATCH=${ROLLOUT_BATCH:-8} GROUP=${GROUP:-8}
   RESPONSE_LENGTH=${RESPONSE_LENGTH:-2048} TEMPERATURE=${TEMPERATURE:-0.8}
   TESTS_REWARD=${TESTS_REWARD:-fraction}
   LR=${LR:-1e-6} LR_DECAY=${LR_DECAY:-constant}
   TENSOR_PARALLEL=${TENSOR_PARALLEL:-2} CONTEXT_PARALLEL=${CONTEXT_PARALLEL:-1}
   MAX_TOKENS_PER_GPU=${MAX_TOKENS_PER_GPU:-4608}
}

launch "$@"
