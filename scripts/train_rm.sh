#!/usr/bin/env bash
# Train a reward model on the GPUs of one node, or as one of several: train_rm.sh --help
set -euo pipefail

CODE_REWARD=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/launch/shell.sh
source "$CODE_REWARD/scripts/launch/shell.sh"
# shellcheck source=scripts/launch/checks.sh
source "$CODE_REWARD/scripts/launch/checks.sh"
# shellcheck source=scripts/launch/command_line.sh
source "$CODE_REWARD/scripts/launch/command_line.sh"

usage() {
   cat <<'TEXT'
usage: train_rm.sh {prefixes|pairs} [--dry-run] [-- MORE OPTIONS OF rm_train]

Train a reward model with torchrun and FSDP2 on all GPUs of a node: prefixes (stage 1) by rm_train.regress, pairs (stage 2) by
rm_train.train. Data, disk and memory are checked first. Killed, the same command goes on from the last checkpoint.

  --dry-run   print the command and an estimate of the memory with its formula, and touch nothing; files that are missing are named, and
              the status is then not 0

Variables of the environment:
  INIT        language model or reward model folder to start from
  DATA        the pairs or prefixes (JSONL or parquet)
  OUT         folder for the reward model (runs/rm-STAGE/rm); checkpoints lie beside it
  RECIPE      settings under a name (coderm-nt-1 for prefixes, coderm-nt-2 for pairs; codescaler; "" for none)
  VALID       labelled programs of other problems; the best checkpoint by them is kept
  SHARD       1: FSDP2, 0: a copy on each GPU (1)
  ROW_TOKENS  tokens that pass through the model at once (16384)
  NUM_GPUS    GPUs of this node (all that the driver sees, else 8)
  NODES MASTER_ADDR MASTER_PORT   for several nodes, each of which runs this (1, 127.0.0.1, 29500); see scripts/slurm/train_rm.sbatch
  GPU_GIB     memory of a GPU, where it is checked on a machine without
  PREFLIGHT   strict, warn, or skip (strict)
  PYTHON      the interpreter (python3)
TEXT
}

read_command_line stage "prefixes pairs" --dry-run "$@"
STAGE=$CHOICE
[[ -n ${INIT:-} ]] || die "INIT must name the folder of the model to start from; set it."
[[ -n ${DATA:-} ]] || die "DATA must name the file of $STAGE; set it."

counts NUM_GPUS NODES ROW_TOKENS MASTER_PORT
numbers GPU_GIB
one_of SHARD 1 0
one_of RECIPE coderm-nt-1 coderm-nt-2 codescaler tiny
one_of PREFLIGHT strict warn skip

PYTHON=${PYTHON:-python3}
programs PYTHON
NODES=${NODES:-1} SHARD=${SHARD:-1} ROW_TOKENS=${ROW_TOKENS:-16384}
OUT=${OUT:-runs/rm-$STAGE/rm} RUN_DIR=$(dirname "$OUT")
if [[ -z ${NUM_GPUS:-} ]]; then NUM_GPUS=$(nvidia-smi --list-gpus 2>/dev/null | wc -l) && ((NUM_GPUS > 0)) || NUM_GPUS=8; fi
case $STAGE in
   prefixes) MODULE=rm_train.regress RECIPE=${RECIPE-coderm-nt-1} ;;
   pairs) MODULE=rm_train.train RECIPE=${RECIPE-coderm-nt-2} ;;
esac
export PYTHONPATH=$CODE_REWARD${PYTHONPATH:+:$PYTHONPATH} OMP_NUM_THREADS=${OMP_NUM_THREADS:-8}

TORCHRUN=(-m scripts.launch.torchrun --nproc-per-node "$NUM_GPUS")
if ((NODES > 1)); then
   TORCHRUN+=(--nnodes "$NODES" --rdzv-backend c10d --rdzv-id "${RUN_ID:-code-reward}" --rdzv-endpoint "${MASTER_ADDR:-127.0.0.1}:${MASTER_PORT:-29500}")
else
   TORCHRUN+=(--standalone)
fi
TRAIN=(--init "$INIT" "--$STAGE" "$DATA" --out "$OUT" --row-tokens "$ROW_TOKENS")
if ((SHARD)); then TRAIN+=(--shard); fi
if [[ -n $RECIPE ]]; then TRAIN+=(--recipe "$RECIPE"); fi
if [[ -n ${VALID:-} ]]; then TRAIN+=(--valid "$VALID"); fi
CHECK=(-m rm_train.preflight "${TRAIN[@]}" "${MORE_ARGS[@]}" --gpus "$((NUM_GPUS * NODES))")
if [[ -n ${GPU_GIB:-} ]]; then CHECK+=(--gpu-gib "$GPU_GIB"); fi

if ((DRY_RUN)); then
   say "# a reward model from $STAGE. Nothing is touched."
   show "$PYTHON" "${TORCHRUN[@]}" -m "$MODULE" "${TRAIN[@]}" "${MORE_ARGS[@]}"
   say "# memory"
   FILES=("INIT=$INIT" "DATA=$DATA")
   if [[ -n ${VALID:-} ]]; then FILES+=("VALID=$VALID"); fi
   STATUS=0
   tell_absent "${FILES[@]}" || STATUS=1
   if [[ -e $INIT ]]; then "$PYTHON" "${CHECK[@]}" --estimate-only || STATUS=$?; fi
   exit "$STATUS"
fi

check_gpu_count
make_run_folder
need rm_train.preflight "name another, or install this project there (pip install -e '.[train]')"
case ${PREFLIGHT:-strict} in
   strict) "$PYTHON" "${CHECK[@]}" || die "the run would not work; mend what failed above, or go on all the same with PREFLIGHT=warn." ;;
   warn) "$PYTHON" "${CHECK[@]}" || say "going on all the same, because PREFLIGHT=warn" ;;
   skip) ;;
esac
# In the place of this shell, so that a signal reaches torchrun, which ends its processes.
exec "$PYTHON" "${TORCHRUN[@]}" -m "$MODULE" "${TRAIN[@]}" "${MORE_ARGS[@]}"
