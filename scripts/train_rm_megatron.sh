#!/usr/bin/env bash
# Train a reward model on Megatron, in slime's own train.py by our hooks: train_rm_megatron.sh --help
# shellcheck disable=SC2034  # The files of launch/ read the variables.
set -euo pipefail

CODE_REWARD=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAUNCH=$CODE_REWARD/scripts/launch
# shellcheck source=scripts/launch/shell.sh
source "$LAUNCH/shell.sh"
# shellcheck source=scripts/launch/checks.sh
source "$LAUNCH/checks.sh"
# shellcheck source=scripts/launch/configs.sh
source "$LAUNCH/configs.sh"
# shellcheck source=scripts/launch/ray.sh
source "$LAUNCH/ray.sh"
# shellcheck source=scripts/launch/cpu_tiny.sh
source "$LAUNCH/cpu_tiny.sh"
# shellcheck source=scripts/launch/command_line.sh
source "$LAUNCH/command_line.sh"
# shellcheck source=scripts/launch/megatron.sh
source "$LAUNCH/megatron.sh"

usage() {
   cat <<'TEXT'
usage: train_rm_megatron.sh {prefixes|pairs} [--dry-run] [--profile cpu-tiny] [-- MORE OPTIONS OF train.py]

Train a reward model with tensor parallelism on Megatron: slime's own train.py, by our hooks. Stage 1 learns the values of prefixes, stage 2
pairs, from what stage 1 gave. Killed, it goes on from its last checkpoint; at the end the reward model is in OUT.

  --dry-run           print the commands, files and environment, and touch nothing; what is missing is named, and the status is then not 0
  --job-environment   print the variables that Ray's processes on every node need, one per line
  --profile cpu-tiny  the same on a machine without a GPU, with a tiny model

Variables of the environment:
  INIT           language model or reward model folder to start from
  DATA           the pairs or prefixes (JSONL or parquet)
  OUT            folder for the reward model (RUN_DIR/rm)
  MODEL_SCRIPT   slime's file of the model's numbers, in SLIME_ROOT/scripts/models: qwen2.5-7B.sh, qwen3-8B.sh, glm4-9B.sh, ...
  PRESET         the model's input where INIT is a language model (default, coderm-nt, codescaler, ...)
  SLIME_ROOT MEGATRON_ROOT   checkouts (in slime's image /root/slime, /root/Megatron-LM)
  NUM_GPUS NODES TENSOR_PARALLEL   8, 1, 2
  BATCH EPOCHS LR                  128, 2, and 1e-6 for prefixes or 5e-7 for pairs, as CodeRM-NT published for 7B
  MAX_TOKENS_PER_GPU SAVE_INTERVAL RUN_DIR RAY_DASHBOARD WANDB_PROJECT
All others stand in the script. Options after -- come last and so count.
TEXT
}

defaults() {
   if ((DRY_RUN < 2)); then
      [[ -n ${INIT:-} ]] || die "INIT must name the folder of the model to start from; set it."
      [[ -n ${DATA:-} ]] || die "DATA must name the file of $STAGE; set it."
   fi
   MODEL_DIR=$(realpath -m "${INIT:-.}")
   if [[ $PROFILE == cpu-tiny ]]; then
      NUM_GPUS=${NUM_GPUS:-2} BATCH=${BATCH:-8}
      cpu_tiny_sizes
   fi
   NAME=rm-$STAGE RUN_DIR=$(realpath -m "${RUN_DIR:-runs/rm-$STAGE}")
   OUT=$(realpath -m "${OUT:-$RUN_DIR/rm}") PREPARED=$RUN_DIR/prepared
   PYTHON=${PYTHON:-python3} TRAIN_PYTHON=${TRAIN_PYTHON:-$PYTHON} TRAIN_SCRIPT=train.py
   NUM_GPUS=${NUM_GPUS:-8} NODES=${NODES:-1} RAY_GPUS=$NUM_GPUS
   TENSOR_PARALLEL=${TENSOR_PARALLEL:-2} BATCH=${BATCH:-128} EPOCHS=${EPOCHS:-2} SAVE_INTERVAL=${SAVE_INTERVAL:-100}
   if [[ $STAGE == pairs ]]; then LR=${LR:-5e-7}; else LR=${LR:-1e-6}; fi
   MAX_TOKENS_PER_GPU=${MAX_TOKENS_PER_GPU:-16384}
   MASTER_ADDR=${MASTER_ADDR:-127.0.0.1} RAY_PORT=${RAY_PORT:-6379} DASHBOARD_PORT=${DASHBOARD_PORT:-8265} AGENT_PORT=${AGENT_PORT:-52365}
   RAY_DASHBOARD=${RAY_DASHBOARD:-}
   ((NUM_GPUS % TENSOR_PARALLEL == 0)) || die "TENSOR_PARALLEL=$TENSOR_PARALLEL does not divide NUM_GPUS=$NUM_GPUS; choose one that does."
}

model_arguments() {
   MODEL_ARGS=() CPU_ARGS=() ENTRY_ENVIRONMENT=()
   job_environment
   if [[ $PROFILE == cpu-tiny ]]; then
      cpu_tiny_environment
      cpu_tiny_arguments
   elif ((DRY_RUN < 2)); then
      [[ -n ${SLIME_ROOT:-} ]] || die "SLIME_ROOT must name a checkout of slime (github.com/THUDM/slime); set it."
      [[ -f $SLIME_ROOT/scripts/models/${MODEL_SCRIPT:-} ]] ||
         die "MODEL_SCRIPT must name a file of $SLIME_ROOT/scripts/models, such as qwen3-8B.sh; set it."
      # shellcheck source=/dev/null
      source "$SLIME_ROOT/scripts/models/$MODEL_SCRIPT"
   fi
}

# What follows from the prepared rows: hooks, and how many steps there are.
row_arguments() {
   local words
   words=$(in_job -m code_reward_slime.reward_model.flags "$PREPARED" --batch "$BATCH" --epochs "$EPOCHS") || exit 2
   mapfile -t ROW_ARGS <<<"$words"
}

option_groups() {
   local load=$MODEL_DIR
   megatron_options "$NAME"
   if [[ -f $RUN_DIR/checkpoints/latest_checkpointed_iteration.txt ]]; then load=$RUN_DIR/checkpoints; fi
   CKPT_ARGS=(
      --hf-checkpoint "$MODEL_DIR"
      --load "$load"
      --save "$RUN_DIR/checkpoints"
      --save-interval "$SAVE_INTERVAL"
      --save-hf "$RUN_DIR/exported"
   )
   OPTIMIZER_ARGS=(
      --optimizer adam
      --lr "$LR"
      --lr-decay-style "${LR_DECAY:-cosine}"
      --lr-warmup-fraction "${WARMUP:-0.03}"
      --weight-decay "${WEIGHT_DECAY:-0.01}"
      --adam-beta1 0.9
      --adam-beta2 "${ADAM_BETA2:-0.999}"
      --clip-grad 1.0
   )
   PERF_ARGS=(
      --actor-num-nodes "$NODES"
      --actor-num-gpus-per-node "$NUM_GPUS"
      --tensor-model-parallel-size "$TENSOR_PARALLEL"
      --use-dynamic-batch-size
      --max-tokens-per-gpu "$MAX_TOKENS_PER_GPU"
      --balance-data
      "${RECOMPUTE_ARGS[@]}"
      "${SEQUENCE_ARGS[@]}"
   )
   TRAIN_ARGS=(
      "${MODEL_ARGS[@]}"
      "${ROW_ARGS[@]}"
      "${CKPT_ARGS[@]}"
      "${OPTIMIZER_ARGS[@]}"
      "${PERF_ARGS[@]}"
      "${MISC_ARGS[@]}"
      "${LOG_ARGS[@]}"
      "${CPU_ARGS[@]}"
      "${MORE_ARGS[@]}"
   )
}

in_job() { env "${JOB_ENVIRONMENT[@]}" "$PYTHON" "$@"; }

prepare_command() {
   PREPARE=(-m code_reward_slime.reward_model.prepare --init "$MODEL_DIR" "--$STAGE" "${DATA:-}" --out "$PREPARED")
   if [[ -n ${PRESET:-} ]]; then PREPARE+=(--preset "$PRESET"); fi
   COLLECT=(-m code_reward_slime.reward_model.collect --exported "$RUN_DIR/exported" --prepared "$PREPARED" --out "$OUT")
}

dry_run() {
   ROW_ARGS=()
   option_groups
   say "# reward model from $STAGE. Nothing is touched."
   say "# environment of the job"
   show "${JOB_ENVIRONMENT[@]}"
   say "# the rows, unless they are there"
   show "$PYTHON" "${PREPARE[@]}"
   say "# the command, and after it the options that follow from the rows, which are printed by"
   show "$PYTHON" -m code_reward_slime.reward_model.flags "$PREPARED" --batch "$BATCH" --epochs "$EPOCHS"
   show "${ENTRY_ENVIRONMENT[@]}" "$TRAIN_PYTHON" "$SLIME_ROOT/$TRAIN_SCRIPT" "${TRAIN_ARGS[@]}"
   say "# the reward model"
   show "$PYTHON" "${COLLECT[@]}"
   tell_absent "INIT=$MODEL_DIR" "DATA=$DATA" "SLIME_ROOT=$SLIME_ROOT/$TRAIN_SCRIPT"
}

run_it() {
   make_run_folder
   if [[ $PROFILE != cpu-tiny && -z $RAY_DASHBOARD ]]; then check_gpu_count; fi
   if [[ -f $OUT/code_reward.json ]]; then
      say "have $OUT"
      return
   fi
   stop_on_signals
   if [[ ! -d $PREPARED ]]; then in_job "${PREPARE[@]}" || exit 2; fi
   row_arguments
   option_groups
   show "$TRAIN_PYTHON" "$SLIME_ROOT/$TRAIN_SCRIPT" "${TRAIN_ARGS[@]}" >"$RUN_DIR/command.txt"
   if [[ -z $RAY_DASHBOARD ]]; then start_ray; else wait_for_dashboard; fi
   submit
   in_job "${COLLECT[@]}"
}

read_command_line stage "prefixes pairs" "--dry-run --job-environment --profile" "$@"
STAGE=$CHOICE
counts NUM_GPUS NODES TENSOR_PARALLEL BATCH MAX_TOKENS_PER_GPU SAVE_INTERVAL RAY_PORT DASHBOARD_PORT AGENT_PORT
numbers EPOCHS LR WARMUP WEIGHT_DECAY ADAM_BETA2
one_of LR_DECAY cosine constant linear inverse-square-root WSD
addresses RAY_DASHBOARD
defaults
model_arguments
prepare_command
case $DRY_RUN in
   1) dry_run ;;
   2) printf '%s\n' "${JOB_ENVIRONMENT[@]}" ;;
   *) run_it ;;
esac
