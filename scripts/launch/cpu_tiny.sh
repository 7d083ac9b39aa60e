# shellcheck shell=bash disable=SC2034
# --profile cpu-tiny: the same launcher on a machine without a GPU. It swaps in tiny models, sizes that they can bear, and the options and the
# environment with which slime runs on CPU (slime_on_cpu); nothing else.

cpu_tiny_sizes() {
   [[ -n ${MODEL_DIR:-} ]] || die "--profile cpu-tiny needs MODEL_DIR, the folder of a tiny policy; set it."
   [[ -n ${SLIME_ROOT:-} && -n ${MEGATRON_ROOT:-} ]] || die "--profile cpu-tiny needs SLIME_ROOT and MEGATRON_ROOT, checkouts of both; set them."
   PYTHON=${PYTHON:-$CODE_REWARD/.venv-integration/bin/python}
   [[ -x $PYTHON ]] || die "there is no $PYTHON; make it with make install-integration, or name another with PYTHON."
   PATH=$(dirname "$PYTHON"):$PATH
   RM_DEVICE=cpu RM_DTYPE=float32 RAY_CPUS=64
   NUM_GPUS=${NUM_GPUS:-3} COLOCATE=0 ACTOR_GPUS=${ACTOR_GPUS:-1}
   NUM_ROLLOUT=${NUM_ROLLOUT:-2} ROLLOUT_BATCH=${ROLLOUT_BATCH:-2} GROUP=${GROUP:-4} RESPONSE_LENGTH=${RESPONSE_LENGTH:-48}
   SAVE_INTERVAL=${SAVE_INTERVAL:-1} EVAL_INTERVAL=${EVAL_INTERVAL:-2} MAX_TOKENS_PER_GPU=${MAX_TOKENS_PER_GPU:-2048}
   TENSOR_PARALLEL=${TENSOR_PARALLEL:-1} CONTEXT_PARALLEL=${CONTEXT_PARALLEL:-1} ATTENTION=${ATTENTION:-auto}
}

# The numbers of the tiny model in the place of those of slime's file, and the options for CPU after all others, so that they count.
cpu_tiny_arguments() {
   local words
   words=$(on_cpu model_flags "$MODEL_DIR") || exit 2
   mapfile -t MODEL_ARGS <<<"$words"
   words=$(on_cpu flags) || exit 2
   mapfile -t CPU_ARGS <<<"$words"
   CPU_ARGS+=(--micro-batch-size 1)
   # Only the driver and the trainers may believe in a GPU; SGLang must see that there is none.
   ENTRY_ENVIRONMENT=(env SLIME_ON_CPU_TRAINS=1)
}

cpu_tiny_environment() {
   local exports name
   exports=$(on_cpu environment) || exit 2
   eval "$exports"
   JOB_ENVIRONMENT=()
   while read -r name; do JOB_ENVIRONMENT+=("$name=${!name}"); done < <(sed -n 's/^export \([A-Z_]*\)=.*/\1/p' <<<"$exports")
   RM_ENVIRONMENT=("${JOB_ENVIRONMENT[@]}")
}

on_cpu() { PYTHONPATH="$CODE_REWARD:$CODE_REWARD/slime_plugins" "$PYTHON" -m "slime_on_cpu.$1" "${@:2}"; }
