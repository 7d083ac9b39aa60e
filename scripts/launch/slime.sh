# shellcheck shell=bash disable=SC2034
# What the launchers of slime runs share: the command line, the order of things, and the groups of options that do not depend on the model.
# A launcher sets its model's numbers, sources this file and calls `launch`.

LAUNCH=$(dirname "${BASH_SOURCE[0]}")
CODE_REWARD=$(cd "$LAUNCH/../.." && pwd)
# shellcheck source=scripts/launch/shell.sh
source "$LAUNCH/shell.sh"
# shellcheck source=scripts/launch/checks.sh
source "$LAUNCH/checks.sh"
# shellcheck source=scripts/launch/placement.sh
source "$LAUNCH/placement.sh"
# shellcheck source=scripts/launch/configs.sh
source "$LAUNCH/configs.sh"
# shellcheck source=scripts/launch/reward.sh
source "$LAUNCH/reward.sh"
# shellcheck source=scripts/launch/ray.sh
source "$LAUNCH/ray.sh"
# shellcheck source=scripts/launch/cpu_tiny.sh
source "$LAUNCH/cpu_tiny.sh"
# shellcheck source=scripts/launch/command_line.sh
source "$LAUNCH/command_line.sh"
# shellcheck source=scripts/launch/megatron.sh
source "$LAUNCH/megatron.sh"

usage() {
   cat <<TEXT
usage: $0 {rm|tests|hybrid} [--dry-run] [--profile cpu-tiny] [-- MORE OPTIONS OF train.py]

$ABOUT

  --dry-run           print the whole command, its GPUs, files and environment, and touch nothing; files that
                      are missing and settings that are wrong are named, and the status is then not 0
  --job-environment   print the variables that Ray's processes on every node need, one per line
  --profile cpu-tiny  the same on a machine without a GPU, with tiny models

Every number is a variable of the environment; those that most runs set:
  SLIME_ROOT MEGATRON_ROOT   checkouts (in slime's image /root/slime, /root/Megatron-LM)
  MODEL_DIR PROMPT_DATA EVAL_SETS RM_DIR RUN_DIR
  CURRICULUM TRAIN_SCRIPT NUM_GPUS NODES RM_PLACEMENT RM_GPUS RM_URLS RM_DTYPE SANDBOX_URL RAY_DASHBOARD
  SHAPING REJECTED           how scores become rewards; raw has no reward of its own for a rejected answer, so name one
  SETTINGS                   more lines for the hooks' settings (docs/slime.md)
All others stand in the script. Options after -- come last and so count.
TEXT
}

launch() {
   read_command_line reward "rm tests hybrid" "--dry-run --job-environment --profile" "$@"
   REWARD=$CHOICE
   check_variables
   defaults
   # What Ray's processes need is printed outside the container in which the programs are, and a job of a cluster starts there.
   if ((DRY_RUN != 2)); then programs PYTHON; fi
   if ((DRY_RUN != 2)) && [[ -z $RAY_DASHBOARD ]]; then programs TRAIN_PYTHON; fi
   decide_placement "$REWARD"
   choose_reward "$REWARD"
   model_arguments
   option_groups
   case $DRY_RUN in
      1) dry_run ;;
      2) printf '%s\n' "${JOB_ENVIRONMENT[@]}" ;;
      *) run_it ;;
   esac
}

check_variables() {
   whole_numbers RM_GPUS
   counts NUM_GPUS NODES ACTOR_GPUS ROLLOUT_GPUS NUM_ROLLOUT ROLLOUT_BATCH GROUP RESPONSE_LENGTH SAVE_INTERVAL EVAL_INTERVAL EVAL_SAMPLES \
      TENSOR_PARALLEL PIPELINE_PARALLEL CONTEXT_PARALLEL GPUS_PER_ENGINE MAX_TOKENS_PER_GPU RM_PORT RAY_PORT DASHBOARD_PORT AGENT_PORT
   numbers LR TEMPERATURE KL ENTROPY EPS_CLIP EPS_CLIP_HIGH WEIGHT_DECAY ADAM_BETA1 ADAM_BETA2 SGLANG_MEMORY EVAL_TOP_P REJECTED
   one_of TRAIN_SCRIPT train.py train_async.py
   one_of COLOCATE 0 1
   one_of RM_DTYPE bfloat16 float16 float32
   one_of PREFLIGHT strict warn
   one_of LR_DECAY constant linear cosine inverse-square-root WSD
   addresses RM_URLS SANDBOX_URL RAY_DASHBOARD
   local entry
   for entry in ${EVAL_SETS:-}; do
      [[ $entry == ?*=?* ]] || die "EVAL_SETS holds '$entry'; write NAME=FILE, with spaces between several."
   done
}

# What a run is made of, where nobody said otherwise.
defaults() {
   if [[ $PROFILE == cpu-tiny ]]; then cpu_tiny_sizes; fi
   model_defaults
   PYTHON=${PYTHON:-python3} TRAIN_PYTHON=${TRAIN_PYTHON:-$PYTHON} TRAIN_SCRIPT=${TRAIN_SCRIPT:-train.py}
   # A job of Ray does not run where it was submitted.
   RUN_DIR=$(realpath -m "${RUN_DIR:-runs/$NAME-$REWARD}") RM_DIR=$(realpath -m "${RM_DIR:-checkpoints/rm}")
   MODEL_DIR=$(realpath -m "$MODEL_DIR") PROMPT_DATA=$(realpath -m "$PROMPT_DATA")
   RM_DTYPE=${RM_DTYPE:-bfloat16} RM_DEVICE=${RM_DEVICE:-cuda} RM_PORT=${RM_PORT:-30100}
   EVAL_SETS=${EVAL_SETS:-held_out=${PROMPT_DATA%.jsonl}.held_out.jsonl}
   MASTER_ADDR=${MASTER_ADDR:-127.0.0.1} RAY_PORT=${RAY_PORT:-6379} DASHBOARD_PORT=${DASHBOARD_PORT:-8265} AGENT_PORT=${AGENT_PORT:-52365} RAY_DASHBOARD=${RAY_DASHBOARD:-}
   SAVE_INTERVAL=${SAVE_INTERVAL:-20} EVAL_INTERVAL=${EVAL_INTERVAL:-20}
   RM_HOST=${RM_HOST:-$MASTER_ADDR}
   REMEDIES+=(
      [MODEL_DIR]="fetch it: hf download $MODEL_HUB --local-dir $MODEL_DIR"
      [PROMPT_DATA]="make it with $PROMPTS_FROM"
      [EVAL_SETS]="make it with $PROMPTS_FROM"
   )
}

# slime's own file of model arguments; without a checkout only its name is known.
model_arguments() {
   MODEL_ARGS=() CPU_ARGS=() ENTRY_ENVIRONMENT=()
   job_environment
   if [[ $PROFILE == cpu-tiny ]]; then
      cpu_tiny_environment
      cpu_tiny_arguments
   elif [[ -n ${SLIME_ROOT:-} ]]; then
      [[ -f $SLIME_ROOT/scripts/models/$MODEL_SCRIPT ]] || die "SLIME_ROOT is $SLIME_ROOT, where there is no scripts/models/$MODEL_SCRIPT; name a checkout of slime."
      # shellcheck source=/dev/null
      source "$SLIME_ROOT/scripts/models/$MODEL_SCRIPT"
   elif [[ $DRY_RUN == 0 ]]; then
      die "SLIME_ROOT must name a checkout of slime (github.com/THUDM/slime); set it."
   fi
}

option_groups() {
   megatron_options "$NAME-$REWARD"
   CKPT_ARGS=(
      --hf-checkpoint "$MODEL_DIR"
      --ref-load "$(realpath -m "${REF_LOAD:-$MODEL_DIR}")"
      --load "$RUN_DIR/checkpoints"
      --save "$RUN_DIR/checkpoints"
      --save-interval "$SAVE_INTERVAL"
   )
   ROLLOUT_ARGS=(
      --prompt-data "$PROMPT_DATA"
      --input-key prompt
      --label-key label
      --metadata-key metadata
      --apply-chat-template
      --num-rollout "$NUM_ROLLOUT"
      --rollout-batch-size "$ROLLOUT_BATCH"
      --n-samples-per-prompt "$GROUP"
      --rollout-max-response-len "$RESPONSE_LENGTH"
      --rollout-temperature "$TEMPERATURE"
      --global-batch-size "$((ROLLOUT_BATCH * GROUP))"
      --balance-data
   )
   # In random order, or from easy to hard; after a kill both go on with exactly what was not trained on.
   if [[ -n ${CURRICULUM:-} ]]; then
      ROLLOUT_ARGS+=(--data-source-path code_reward_slime.curriculum.CurriculumDataSource)
   else
      ROLLOUT_ARGS+=(--rollout-shuffle --data-source-path code_reward_slime.data_source.ResumableDataSource)
   fi
   EVAL_ARGS=(
      --eval-interval "$EVAL_INTERVAL"
      --eval-config "$RUN_DIR/eval.yaml"
   )
   GRPO_ARGS=(
      --advantage-estimator grpo
      --kl-coef "${KL:-0.00}"
      --entropy-coef "${ENTROPY:-0.00}"
      --eps-clip "${EPS_CLIP:-0.2}"
      --eps-clip-high "${EPS_CLIP_HIGH:-0.28}"
   )
   OPTIMIZER_ARGS=(
      --optimizer adam
      --lr "$LR"
      --lr-decay-style "$LR_DECAY"
      --weight-decay "${WEIGHT_DECAY:-0.1}"
      --adam-beta1 "${ADAM_BETA1:-0.9}"
      --adam-beta2 "${ADAM_BETA2:-0.98}"
   )
   PERF_ARGS=(
      --tensor-model-parallel-size "$TENSOR_PARALLEL"
      --pipeline-model-parallel-size "${PIPELINE_PARALLEL:-1}"
      --context-parallel-size "$CONTEXT_PARALLEL"
      "${RECOMPUTE_ARGS[@]}"
      --use-dynamic-batch-size
      --max-tokens-per-gpu "$MAX_TOKENS_PER_GPU"
      "${SEQUENCE_ARGS[@]}"
   )
   SGLANG_ARGS=(
      --rollout-num-gpus-per-engine "${GPUS_PER_ENGINE:-1}"
      --sglang-mem-fraction-static "${SGLANG_MEMORY:-0.7}"
   )
   TRAIN_ARGS=(
      "${PLACEMENT_ARGS[@]}"
      "${MODEL_ARGS[@]}"
      "${CKPT_ARGS[@]}"
      "${ROLLOUT_ARGS[@]}"
      "${REWARD_ARGS[@]}"
      "${EVAL_ARGS[@]}"
      "${GRPO_ARGS[@]}"
      "${OPTIMIZER_ARGS[@]}"
      "${PERF_ARGS[@]}"
      "${SGLANG_ARGS[@]}"
      "${MISC_ARGS[@]}"
      "${LOG_ARGS[@]}"
      "${CPU_ARGS[@]}"
      "${MORE_ARGS[@]}"
   )
}

dry_run() {
   say "# $NAME, reward: $REWARD. Nothing is touched."
   show_placement
   say "# $RUN_DIR/code_reward.yaml"
   custom_config
   say "# $RUN_DIR/eval.yaml"
   eval_config
   if [[ $RM_PLACEMENT == slime ]]; then
      say "# $RUN_DIR/sglang.yaml is written by"
      show python3 -m code_reward_slime.sglang_config "${SGLANG_CONFIG_ARGS[@]}"
   fi
   say "# environment of the job"
   show "${JOB_ENVIRONMENT[@]}"
   say "# command"
   if [[ -z ${SLIME_ROOT:-} ]]; then
      say "# SLIME_ROOT is not set: slime's model arguments are not resolved, they come from"
      say "source \"\$SLIME_ROOT/scripts/models/$MODEL_SCRIPT\""
   fi
   # Without a checkout the command is what a shell makes whole that has sourced the line above.
   show "${ENTRY_ENVIRONMENT[@]}" "$TRAIN_PYTHON" "${SLIME_ROOT:-\$SLIME_ROOT}/$TRAIN_SCRIPT" "${TRAIN_ARGS[@]}" |
      sed "s#\\\\\$SLIME_ROOT/$TRAIN_SCRIPT#\"\$SLIME_ROOT/$TRAIN_SCRIPT\" \"\${MODEL_ARGS[@]}\"#"
   local entry files=("MODEL_DIR=$MODEL_DIR" "PROMPT_DATA=$PROMPT_DATA") status=0
   if [[ $RM_PLACEMENT != none ]]; then files+=("RM_DIR=$RM_DIR"); fi
   for entry in $EVAL_SETS; do files+=("EVAL_SETS=$(realpath -m "${entry#*=}")"); done
   if [[ -n ${CURRICULUM:-} ]]; then files+=("CURRICULUM=$(realpath -m "$CURRICULUM")"); fi
   if [[ -n ${REF_LOAD:-} ]]; then files+=("REF_LOAD=$(realpath -m "$REF_LOAD")"); fi
   if [[ -n ${SLIME_ROOT:-} ]]; then files+=("SLIME_ROOT=$SLIME_ROOT/$TRAIN_SCRIPT"); fi
   if [[ -n ${MEGATRON_ROOT:-} ]]; then files+=("MEGATRON_ROOT=$MEGATRON_ROOT/megatron"); fi
   tell_absent "${files[@]}" || status=1
   check_on_paper "$status" || status=1
   return "$status"
}

# check_on_paper ABSENT: what the preflight can say of settings and files alone, its failures on standard error. Where files are absent it
# looks at the settings only; where PYTHON lacks what it needs, nobody looked, and that is said.
check_on_paper() (
   absent=$(lacks code_reward_slime.preflight.data)
   if [[ -n $absent ]]; then
      say "not checked: settings and data, because $PYTHON (PYTHON) lacks what that takes (${absent##*Error: })." >&2
      return 0
   fi
   scratch=$(mktemp -d) || return 1
   trap 'rm -rf "$scratch"' EXIT
   custom_config >"$scratch/code_reward.yaml"
   eval_config >"$scratch/eval.yaml"
   words=()
   if (($1 == 0)) && [[ -n ${SLIME_ROOT:-} ]]; then
      # The last of a repeated option counts: what was given after -- before what would be written.
      words=(-- "${TRAIN_ARGS[@]}" --custom-config-path "$scratch/code_reward.yaml" --eval-config "$scratch/eval.yaml" "${MORE_ARGS[@]}")
   fi
   if ((${#words[@]})) && [[ $RM_PLACEMENT == slime ]]; then
      SGLANG_CONFIG_ARGS=("${SGLANG_CONFIG_ARGS[@]/#"$RUN_DIR/sglang.yaml"/"$scratch/sglang.yaml"}")
      sglang_config >/dev/null || return 1
      words+=(--sglang-config "$scratch/sglang.yaml")
   fi
   rows=$(env "${JOB_ENVIRONMENT[@]}" "$PYTHON" -m code_reward_slime.preflight --on-paper --config "$scratch/code_reward.yaml" \
      --gpus "$ALL_GPUS" "${words[@]}" 2>&1) && return 0
   grep -v -e '^ok ' -e '^not checked ' -e '^$' <<<"${rows//"$scratch"/"$RUN_DIR"}" >&2
   return 1
)

run_it() {
   make_run_folder
   if [[ $PROFILE != cpu-tiny && -z $RAY_DASHBOARD ]]; then check_gpu_count; fi
   need code_reward_slime.rewards "run docker/install.sh trainer there, or name the Python of slime's environment"
   stop_on_signals
   write_configs
   if [[ $RM_PLACEMENT == slime ]]; then sglang_config; fi
   show "$TRAIN_PYTHON" "$SLIME_ROOT/$TRAIN_SCRIPT" "${TRAIN_ARGS[@]}" >"$RUN_DIR/command.txt"
   preflight
   if [[ $RM_PLACEMENT == node ]]; then
      start_rm
      check_rm
   fi
   if [[ -z $RAY_DASHBOARD ]]; then start_ray; else wait_for_dashboard; fi
   submit
}

# Everything that can be known before a GPU is taken.
preflight() {
   local options=(--gpus "$ALL_GPUS" --ray "${PREFLIGHT_RAY:-local}" --runtime-env "$(runtime_environment)")
   if [[ -z $RAY_DASHBOARD ]]; then options+=(--port "$RAY_PORT" --port "$DASHBOARD_PORT" --port "$AGENT_PORT"); fi
   if [[ $RM_PLACEMENT == node ]]; then
      options+=(--rm-later --port "$RM_PORT")
   fi
   env "${JOB_ENVIRONMENT[@]}" "$PYTHON" -m code_reward_slime.preflight "${options[@]}" -- "${TRAIN_ARGS[@]}" && return
   [[ ${PREFLIGHT:-strict} == warn ]] || die "the run would not work; mend what failed above."
   say "going on all the same, because PREFLIGHT=warn"
}

check_rm() {
   env "${JOB_ENVIRONMENT[@]}" "$PYTHON" -m code_reward_slime.preflight --config "$RUN_DIR/code_reward.yaml" || die "the RM is not the expected one; see above."
}
