# shellcheck shell=bash disable=SC2034
# The reward of a run as slime's options, and the servers of a reward model on this node.

RM_ENVIRONMENT=()

# choose_reward {rm|tests|hybrid}: sets REWARD_ARGS.
choose_reward() {
   local -A functions=([rm]=model_reward [tests]=unit_test_reward [hybrid]=hybrid_reward)
   [[ -n ${functions[$1]:-} ]] || die "'$1' is no reward; use rm, tests or hybrid."
   REWARD_ARGS=(
      --custom-rm-path "code_reward_slime.rewards.${functions[$1]}"
      --custom-config-path "$RUN_DIR/code_reward.yaml"
      --custom-reward-post-process-path code_reward_slime.post_process.group_advantages
      --custom-rollout-log-function-path code_reward_slime.rollout_log.log_rewards
      --custom-eval-rollout-log-function-path code_reward_slime.rollout_log.log_eval
   )
   SGLANG_CONFIG_ARGS=(
      --policy "$MODEL_DIR"
      --rm "$RM_DIR"
      --policy-gpus "$((ROLLOUT_GPUS - RM_GPUS))"
      --rm-gpus "$RM_GPUS"
      --policy-tp "${GPUS_PER_ENGINE:-1}"
      --dtype "$RM_DTYPE"
      --device "$RM_DEVICE"
      --out "$RUN_DIR/sglang.yaml"
   )
}

# One replica per reserved GPU behind one address; each is compared with the RM's reference scores before it answers. slime's packages are
# none of its business; without a GPU it needs what slime's engines need (cpu_tiny.sh). RM_PYTHON is the Python that has SGLang.
start_rm() {
   say "starting the RM on the last $RM_GPUS GPU(s), port $RM_PORT"
   start RM "$RUN_DIR/rm.log" env PYTHONPATH="$CODE_REWARD" "${RM_ENVIRONMENT[@]}" "${RM_PYTHON:-$PYTHON}" -m reward_servers.sglang_server \
      --model "$RM_DIR" --dtype "$RM_DTYPE" --device "$RM_DEVICE" --replicas "$RM_GPUS" --first-gpu "$((NUM_GPUS - RM_GPUS))" \
      --host "$RM_HOST" --port "$RM_PORT" --logs "$RUN_DIR/rm"
   wait_for "$RUN_DIR/rm.log" "^ready " "${STARTED[-1]%%:*}" 900 "The RM"
}

# slime's own servers of the RM: the YAML of --sglang-config, as words of the command that writes it.
sglang_config() {
   env PYTHONPATH="$CODE_REWARD:$CODE_REWARD/slime_plugins" "$PYTHON" -m code_reward_slime.sglang_config "${SGLANG_CONFIG_ARGS[@]}"
}
