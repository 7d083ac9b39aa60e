#!/usr/bin/env bash
# Reinforce Qwen2.5-Coder-Instruct on KodCode with TRL, with the RM or unit tests as reward: run_qwen25_coder.sh --help
# shellcheck disable=SC2034
set -euo pipefail
LAUNCH=$(dirname "${BASH_SOURCE[0]}")/launch
CODE_REWARD=$(cd "$LAUNCH/../.." && pwd)
# shellcheck source=scripts/launch/shell.sh
source "$LAUNCH/shell.sh"
# shellcheck source=scripts/launch/checks.sh
source "$LAUNCH/checks.sh"
# shellcheck source=scripts/launch/reward.sh
source "$LAUNCH/reward.sh"

usage() {
   cat <<TEXT
usage: $0 {1.5b|3b|7b} {rm|tests} [--dry-run] [-- MORE OPTIONS OF code_reward_trl.grpo]

Reinforce Qwen2.5-Coder-Instruct on KodCode with TRL: groups of 7, 32 prompts a step, one epoch, answers that begin inside a code block.

  --dry-run   print the whole command and its environment, and touch nothing; files that are missing and numbers and addresses that
              are wrong are named, and the status is then not 0

Every number is a variable of the environment; those that most runs set:
  MODEL_DIR PROBLEMS RM_DIR RUN_DIR NUM_GPUS RM_GPUS RM_URLS RM_DTYPE
  SHAPING REJECTED   how scores become rewards; raw has no reward of its own for a rejected answer, so name one
  RM_PYTHON   the Python whose environment has SGLang, which pins other versions than TRL
All others stand in the script. Options after -- come last and so count.
TEXT
}

read_command_line() {
   SIZE="" REWARD="" DRY_RUN=0 MORE_ARGS=()
   while (($#)); do
      case $1 in
         -h | --help) usage && exit 0 ;;
         --dry-run) DRY_RUN=1 ;;
         --)
            shift
            MORE_ARGS=("$@")
            break
            ;;
         1.5b | 3b | 7b) SIZE=$1 ;;
         rm | tests) REWARD=$1 ;;
         *) die "'$1' is neither a size (1.5b, 3b, 7b) nor a reward (rm, tests); see --help." ;;
      esac
      shift
   done
   [[ -n $SIZE && -n $REWARD ]] || die "name a size (1.5b, 3b, 7b) and a reward (rm, tests); see --help."
}

defaults() {
   NAME=qwen25-coder-$SIZE
   PYTHON=${PYTHON:-python3}
   RUN_DIR=$(realpath -m "${RUN_DIR:-runs/$NAME-$REWARD}") RM_DIR=$(realpath -m "${RM_DIR:-checkpoints/rm}")
   MODEL_DIR=$(realpath -m "${MODEL_DIR:-checkpoints/Qwen2.5-Coder-${SIZE^^}-Instruct}") PROBLEMS=$(realpath -m "${PROBLEMS:-data/kodcode_problems.jsonl}")
   NUM_GPUS=${NUM_GPUS:-8} RM_URLS=${RM_URLS:-} RM_DTYPE=${RM_DTYPE:-bfloat16} RM_DEVICE=${RM_DEVICE:-cuda} RM_HOST=127.0.0.1 RM_PORT=${RM_PORT:-30100}
   if [[ $REWARD == tests || -n $RM_URLS ]]; then RM_GPUS=0; else RM_GPUS=${RM_GPUS:-1}; fi
   # 224 completions a step divide among 7 processes, which leaves one GPU of eight for the RM.
   PROCESSES=${PROCESSES:-7}
   ((PROCESSES + RM_GPUS <= NUM_GPUS)) || die "$PROCESSES processes and $RM_GPUS GPU(s) for the RM need more than the $NUM_GPUS GPUs; lower PROCESSES."
   DEVICE_BATCH=${DEVICE_BATCH:-4}
   if [[ $REWARD == rm && -z $RM_URLS ]]; then RM_URLS=http://$RM_HOST:$RM_PORT; fi
}

# What starts the processes: accelerate, whose launcher knows but one process without a GPU; there its own starter does.
starter() {
   local port=${MASTER_PORT:-29500}
   if [[ ${DEVICE:-cuda} == cpu ]]; then
      STARTER=(torch.distributed.run --nproc-per-node "$PROCESSES" --master-port "$port" -m)
      return
   fi
   STARTER=(
      accelerate.commands.launch
      --num_processes "$PROCESSES"
      --num_machines 1
      --mixed_precision no
      --dynamo_backend no
      --main_process_port "$port"
   )
   # Weights and Adam in float32 are 16 bytes a parameter: from 7b on they fit a GPU only in shards.
   if [[ $SIZE == 7b ]]; then
      STARTER+=(--use_fsdp --fsdp_version 2 --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP --fsdp_state_dict_type FULL_STATE_DICT)
   elif ((PROCESSES > 1)); then
      STARTER+=(--multi_gpu)
   fi
   STARTER+=(-m)
}

option_groups() {
   starter
   DATA_ARGS=(
      --policy "$MODEL_DIR"
      --problems "$PROBLEMS"
      --out "$RUN_DIR/policy"
   )
   REWARD_ARGS=(--reward "$REWARD")
   local url
   for url in ${RM_URLS//,/ }; do REWARD_ARGS+=(--rm "$RM_DIR" --rm-url "$url" --rm-dtype "$RM_DTYPE" --shaping "${SHAPING:-default}" ${REJECTED:+--rejected "$REJECTED"}); done
   GRPO_ARGS=(
      --steps "${STEPS:-278}"
      --prompts "${PROMPTS:-32}"
      --group "${GROUP:-7}"
      --beta "${BETA:-0.04}"
      --device-batch "$DEVICE_BATCH"
      --seed "${SEED:-42}"
   )
   OPTIMIZER_ARGS=(
      --learning-rate "${LR:-2e-6}"
      --warmup "${WARMUP:-0.03}"
      --save-steps "${SAVE_STEPS:-25}"
   )
   SAMPLING_ARGS=(
      --temperature "${TEMPERATURE:-1.5}"
      --top-k "${TOP_K:-50}"
      --max-new-tokens "${RESPONSE_LENGTH:-2048}"
      --system "${SYSTEM:-You are an intelligent programming assistant.}"
      --prefill "${PREFILL-\`\`\`python$'\n'}"
   )
   TRAIN_ARGS=("${DATA_ARGS[@]}" "${REWARD_ARGS[@]}" "${GRPO_ARGS[@]}" "${OPTIMIZER_ARGS[@]}" "${SAMPLING_ARGS[@]}" "${MORE_ARGS[@]}")
   COMMAND=("$PYTHON" -m "${STARTER[@]}" code_reward_trl.grpo "${TRAIN_ARGS[@]}")
   ENVIRONMENT=("PYTHONPATH=$CODE_REWARD:$CODE_REWARD/slime_plugins:$CODE_REWARD/trl_plugins" "TOKENIZERS_PARALLELISM=false")
}

dry_run() {
   say "# $NAME, reward: $REWARD. Nothing is touched."
   say "# GPUs: $PROCESSES of $NUM_GPUS train; RM: $RM_GPUS GPU(s)${RM_URLS:+ at $RM_URLS}"
   say "# environment"
   show "${ENVIRONMENT[@]}"
   say "# command"
   show "${COMMAND[@]}"
   local files=("MODEL_DIR=$MODEL_DIR" "PROBLEMS=$PROBLEMS")
   if [[ $REWARD == rm ]]; then files+=("RM_DIR=$RM_DIR"); fi
   REMEDIES+=(
      [MODEL_DIR]="fetch it: hf download Qwen/Qwen2.5-Coder-${SIZE^^}-Instruct --local-dir $MODEL_DIR"
      [PROBLEMS]="make it with python -m data_prep.prompts kodcode … --as-problems --out $PROBLEMS (docs/train_qwen25_coder.md)"
   )
   tell_absent "${files[@]}"
}

run_it() {
   make_run_folder
   if [[ ${DEVICE:-cuda} != cpu ]]; then check_gpu_count; fi
   [[ -d $MODEL_DIR ]] || die "MODEL_DIR $MODEL_DIR does not exist; download it there: hf download Qwen/Qwen2.5-Coder-${SIZE^^}-Instruct --local-dir $MODEL_DIR"
   [[ -f $PROBLEMS ]] || die "PROBLEMS $PROBLEMS does not exist; make it with python -m data_prep.prompts kodcode … --as-problems --out $PROBLEMS (docs/train_qwen25_coder.md)"
   need "code_reward_trl.grpo, torch, trl, accelerate" "name another, or install this project there (pip install -e '.[trl,hub,sandbox]')"
   trap 'stop_started' EXIT
   trap 'exit 143' TERM
   trap 'exit 130' INT
   if ((RM_GPUS)); then start_rm; fi
   show "${COMMAND[@]}" >"$RUN_DIR/command.txt"
   setsid env "${ENVIRONMENT[@]}" "${COMMAND[@]}" &
   local status=0
   STARTED+=("$!:training")
   wait "$!" || status=$?
   return "$status"
}

read_command_line "$@"
whole_numbers RM_GPUS SEED TOP_K
counts NUM_GPUS STEPS PROMPTS GROUP DEVICE_BATCH PROCESSES SAVE_STEPS RESPONSE_LENGTH MASTER_PORT RM_PORT
numbers LR WARMUP BETA TEMPERATURE REJECTED
one_of RM_DTYPE bfloat16 float16 float32
one_of DEVICE cuda cpu
addresses RM_URLS
[[ ${SHAPING:-} != raw || -n ${REJECTED:-} ]] || die "SHAPING=raw has no reward of its own for a rejected answer; name one with REJECTED."
defaults
programs PYTHON
option_groups
if [[ $DRY_RUN == 1 ]]; then dry_run; else run_it; fi
