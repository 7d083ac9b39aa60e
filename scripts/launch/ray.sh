# shellcheck shell=bash
# Ray: a cluster of our own on this node, or one that is there (RAY_DASHBOARD); the job in it; and how both end.

# What slime's driver and every worker get; PYTHONPATH replaces theirs, so Megatron's folder must be in it.
runtime_environment() {
   local entry json=""
   for entry in "${JOB_ENVIRONMENT[@]}"; do
      json+="${json:+, }$(yaml "${entry%%=*}"): $(yaml "${entry#*=}")"
   done
   printf '{"env_vars": {%s}}' "$json"
}

start_ray() {
   # shellcheck disable=SC2153  # placement.sh sets RAY_GPUS.
   say "starting Ray on port $RAY_PORT with $RAY_GPUS GPUs"
   # Short on purpose: Ray's sockets lie below it, and their paths may have 107 characters.
   RAY_TEMP=$(mktemp -d /tmp/ray-XXXXXX)
   local options=(--head --block --node-ip-address "$MASTER_ADDR" --port "$RAY_PORT" --num-gpus "$RAY_GPUS" --disable-usage-stats)
   options+=(--dashboard-host "$MASTER_ADDR" --dashboard-port "$DASHBOARD_PORT" --dashboard-agent-listen-port "$AGENT_PORT" --temp-dir "$RAY_TEMP")
   if [[ -n ${RAY_CPUS:-} ]]; then options+=(--num-cpus "$RAY_CPUS"); fi
   # The variables of the job, because Ray's own processes hand theirs to the workers.
   start Ray "$RUN_DIR/ray.log" env "${JOB_ENVIRONMENT[@]}" ray start "${options[@]}"
   RAY_DASHBOARD=http://$MASTER_ADDR:$DASHBOARD_PORT
   wait_for "$RUN_DIR/ray.log" "Ray runtime started" "${STARTED[-1]%%:*}" 120 "Ray"
   wait_for_dashboard
}

# Jobs are taken by the dashboard's agent, which comes up after the rest.
wait_for_dashboard() {
   local second
   for ((second = 0; second < 60; second++)); do
      ray job list --address "$RAY_DASHBOARD" >/dev/null 2>&1 && return
      sleep 1
   done
   die "Nothing takes jobs at $RAY_DASHBOARD; start Ray there with its dashboard (pip install 'ray[default]')."
}

# Submit and follow; the exit status is the job's.
submit() {
   SUBMISSION=code-reward-$(date +%Y%m%d-%H%M%S)-$$
   say "submitting $SUBMISSION to $RAY_DASHBOARD"
   ray job submit --no-wait --address "$RAY_DASHBOARD" --submission-id "$SUBMISSION" --runtime-env-json "$(runtime_environment)" \
      -- "${ENTRY_ENVIRONMENT[@]}" "$TRAIN_PYTHON" "$SLIME_ROOT/$TRAIN_SCRIPT" "${TRAIN_ARGS[@]}"
   local status=0
   follow || status=$?
   SUBMISSION=""
   return "$status"
}

# A lost connection to its logs does not end a job: it is followed anew, until it has ended or Ray does not answer for minutes.
follow() {
   local silent=0 state
   while ((silent < 20)); do
      ray job logs --follow --address "$RAY_DASHBOARD" "$SUBMISSION" &
      wait "$!" || true
      state=$(timeout 60 ray job status --address "$RAY_DASHBOARD" "$SUBMISSION" 2>&1) || true
      case $state in
         *"Job '$SUBMISSION' succeeded"*) return 0 ;;
         *"Job '$SUBMISSION' failed"* | *"Job '$SUBMISSION' was stopped"*)
            say "$state"
            return 1
            ;;
         *"Status for job"*) silent=0 && say "the connection to the job was lost; following it anew" ;;
         *) silent=$((silent + 1)) ;;
      esac
      sleep 5
   done
   die "Ray at $RAY_DASHBOARD does not answer any more; see $RUN_DIR/ray.log or the cluster's own."
}

# On a signal: stop the job (slime saves nothing more), then what this launcher started.
stop_job() {
   if [[ -n ${SUBMISSION:-} ]]; then timeout 60 ray job stop --address "$RAY_DASHBOARD" "$SUBMISSION" >/dev/null 2>&1 || true; fi
   stop_started
   if [[ -n ${RAY_TEMP:-} ]]; then rm -rf "$RAY_TEMP"; fi
}
