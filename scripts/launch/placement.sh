# shellcheck shell=bash disable=SC2034
# Which GPUs train, which generate, and where the reward model (RM) lives. Sets PLACEMENT_ARGS and the numbers that are shown.
#
#   RM_PLACEMENT=node     RM servers on the last RM_GPUS GPUs of this node, which Ray is not told of; started and stopped by the launcher
#   RM_PLACEMENT=slime    slime starts the RM beside the policy's engines, with GPUs and ports of its own
#   RM_PLACEMENT=remote   RM servers run elsewhere, at RM_URLS
#
#   COLOCATE=1            training and generation take turns on the same GPUs; without an RM on them the default
#   COLOCATE=0            half of each node trains, the rest generates; with train_async.py always

# decide_placement {rm|tests|hybrid}
decide_placement() {
   NUM_GPUS=${NUM_GPUS:-8} NODES=${NODES:-1} RM_URLS=${RM_URLS:-}
   local default=node
   if [[ $1 == tests ]]; then
      default=none RM_PLACEMENT=none
   elif [[ -n $RM_URLS ]]; then
      default=remote
   fi
   RM_PLACEMENT=${RM_PLACEMENT:-$default}
   case $RM_PLACEMENT in
      none) RM_GPUS=0 ;;
      remote)
         RM_GPUS=0
         [[ -n $RM_URLS ]] || die "RM_PLACEMENT=remote needs RM_URLS, the addresses of the RM servers with spaces between; set it."
         ;;
      node | slime)
         RM_GPUS=${RM_GPUS:-1}
         ((RM_GPUS > 0)) || die "RM_PLACEMENT=$RM_PLACEMENT needs a GPU for the RM; raise RM_GPUS, or name servers elsewhere with RM_URLS."
         ;;
      *) die "RM_PLACEMENT is '$RM_PLACEMENT'; use node, slime or remote." ;;
   esac
   if [[ $TRAIN_SCRIPT == train_async.py ]]; then
      [[ ${COLOCATE:-0} == 0 ]] || die "train_async.py trains and generates at the same time, which COLOCATE=1 rules out; use COLOCATE=0."
      COLOCATE=0
   fi
   COLOCATE=${COLOCATE:-$((RM_GPUS == 0))}
   divide
}

divide() {
   # slime counts the engines of an RM of its own among those that generate; of a server beside it neither slime nor Ray knows.
   local beside=0 within=0
   if [[ $RM_PLACEMENT == node ]]; then beside=$RM_GPUS; fi
   if [[ $RM_PLACEMENT == slime ]]; then within=$RM_GPUS; fi
   # On this node, and on all nodes; the RM's server is on this one.
   RAY_GPUS=$((NUM_GPUS - beside)) ALL_GPUS=$((NUM_GPUS * NODES - beside))
   PLACEMENT_ARGS=()
   if [[ $COLOCATE == 1 ]]; then
      ACTOR_GPUS=${ACTOR_GPUS:-$((RAY_GPUS - within))}
      ROLLOUT_GPUS=${ROLLOUT_GPUS:-$((ACTOR_GPUS * NODES + within))}
      PLACEMENT_ARGS+=(--colocate)
   else
      ACTOR_GPUS=${ACTOR_GPUS:-$((NUM_GPUS / 2))}
      ROLLOUT_GPUS=${ROLLOUT_GPUS:-$(((NUM_GPUS - ACTOR_GPUS) * NODES - beside))}
   fi
   if ((ROLLOUT_GPUS <= within || ACTOR_GPUS < 1)); then
      die "$NUM_GPUS GPUs per node leave $ACTOR_GPUS to train and $((ROLLOUT_GPUS - within)) to generate beside the RM's $RM_GPUS; ask for more, or lower ACTOR_GPUS or RM_GPUS."
   fi
   PLACEMENT_ARGS+=(
      --actor-num-nodes "$NODES"
      --actor-num-gpus-per-node "$ACTOR_GPUS"
      --rollout-num-gpus "$ROLLOUT_GPUS"
   )
   if [[ $RM_PLACEMENT == slime ]]; then PLACEMENT_ARGS+=(--sglang-config "$RUN_DIR/sglang.yaml"); fi
}

# The addresses that the hooks ask, one per line; none where slime itself serves the RM.
rm_addresses() {
   case $RM_PLACEMENT in
      remote) tr -s ' ,' '\n' <<<"$RM_URLS" ;;
      node) say "http://$RM_HOST:$RM_PORT" ;;
   esac
}

show_placement() {
   local together="beside them"
   if [[ $COLOCATE == 1 ]]; then together="on the same"; fi
   say "# GPUs: $NODES node(s) of $NUM_GPUS; $((ACTOR_GPUS * NODES)) train, $ROLLOUT_GPUS $together generate or judge; RM: $RM_PLACEMENT, $RM_GPUS GPU(s)"
}
