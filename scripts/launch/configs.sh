# shellcheck shell=bash
# The two YAML files of a run: the hooks' settings and the held-out sets. Printed by --dry-run, else written to the run's folder.

# The settings of the hooks (docs/slime.md); extra lines come from the variable SETTINGS.
custom_config() {
   local address
   if [[ $RM_PLACEMENT != none ]]; then
      say "code_reward_rm_dir: $(yaml "$RM_DIR")"
      say "code_reward_client: {dtype: $RM_DTYPE}"
      if [[ $RM_PLACEMENT != slime ]]; then
         say "code_reward_rm_urls:"
         rm_addresses | while read -r address; do say "  - $(yaml "$address")"; done
      fi
      say "code_reward_shaping: ${SHAPING:-default}"
      if [[ -n ${REJECTED:-} ]]; then say "code_reward_rejected: $REJECTED"; fi
   fi
   if [[ $REWARD != rm ]]; then say "code_reward_tests_reward: $TESTS_REWARD"; fi
   # Gated, a model is only asked about problems without tests.
   if [[ $REWARD == hybrid ]]; then say "code_reward_hybrid_mode: ${HYBRID_MODE:-weighted}"; fi
   if [[ -n ${SANDBOX_URL:-} ]]; then say "code_reward_sandbox_url: $(yaml "$SANDBOX_URL")"; fi
   if [[ -n ${CURRICULUM:-} ]]; then say "code_reward_curriculum: $(yaml "$(realpath -m "$CURRICULUM")")"; fi
   if [[ -n ${SETTINGS:-} ]]; then say "$SETTINGS"; fi
}

# Held-out sets, each judged by executed tests, whatever the reward of training is: pass@1 is watched during RL.
eval_config() {
   local entry
   say "eval:"
   say "  defaults:"
   say "    custom_rm_path: code_reward_slime.rewards.unit_test_reward"
   say "    n_samples_per_eval_prompt: ${EVAL_SAMPLES:-1}"
   say "    top_p: ${EVAL_TOP_P:-0.7}"
   say "    max_response_len: $RESPONSE_LENGTH"
   say "  datasets:"
   for entry in $EVAL_SETS; do
      say "    - name: ${entry%%=*}"
      say "      path: $(yaml "$(realpath -m "${entry#*=}")")"
   done
}

# A text as YAML: JSON's strings are YAML's.
yaml() {
   local text=${1//\\/\\\\}
   printf '"%s"' "${text//\"/\\\"}"
}

write_configs() {
   custom_config >"$RUN_DIR/.code_reward.yaml.tmp" && mv "$RUN_DIR/.code_reward.yaml.tmp" "$RUN_DIR/code_reward.yaml"
   eval_config >"$RUN_DIR/.eval.yaml.tmp" && mv "$RUN_DIR/.eval.yaml.tmp" "$RUN_DIR/eval.yaml"
}
