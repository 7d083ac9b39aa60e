# shellcheck shell=bash disable=SC2034
# What every launcher of slime's train.py says to Megatron, whatever is trained.

# Of the job's processes, before a profile says otherwise.
job_environment() {
   JOB_ENVIRONMENT=(
      "PYTHONPATH=${MEGATRON_ROOT:-/root/Megatron-LM}:${SLIME_ROOT:-/root/slime}:$CODE_REWARD:$CODE_REWARD/slime_plugins"
      "CUDA_DEVICE_MAX_CONNECTIONS=1"
      "NCCL_NVLS_ENABLE=${NCCL_NVLS_ENABLE:-0}"
      "PYTHONUNBUFFERED=1"
   )
}

# Sets RECOMPUTE_ARGS, SEQUENCE_ARGS, MISC_ARGS and, for runs that NAME names, LOG_ARGS.
megatron_options() {
   RECOMPUTE_ARGS=(
      --recompute-granularity full
      --recompute-method uniform
      --recompute-num-layers 1
   )
   SEQUENCE_ARGS=()
   # Megatron splits sequences only where it splits tensors.
   if ((TENSOR_PARALLEL > 1)); then SEQUENCE_ARGS=(--sequence-parallel); fi
   MISC_ARGS=(
      --attention-dropout 0.0
      --hidden-dropout 0.0
      --accumulate-allreduce-grads-in-fp32
      --attention-softmax-in-fp32
      --attention-backend "${ATTENTION:-flash}"
   )
   LOG_ARGS=()
   if [[ -n ${WANDB_PROJECT:-} ]]; then LOG_ARGS=(--use-wandb --wandb-project "$WANDB_PROJECT" --wandb-group "$1"); fi
}

# A run of Ray's job ends with everything that it started.
stop_on_signals() {
   trap 'stop_job' EXIT
   trap 'exit 143' TERM
   trap 'exit 130' INT
}
