# shellcheck shell=bash
# What every launcher says and how it ends: errors of one sentence, words quoted as a shell reads them, and a list of the processes that this
# launcher started, which are all that it ever stops.

STARTED=()

say() { printf '%s\n' "$*"; }

die() {
   printf 'error: %s\n' "$*" >&2
   exit 2
}

# The words on one line each option, as they could be typed again.
show() {
   local word line=""
   for word in "$@"; do
      if [[ $word == --* && -n $line ]]; then
         printf '   %s \\\n' "$line"
         line=""
      fi
      line+="${line:+ }$(quote "$word")"
   done
   printf '   %s\n' "$line"
}

quote() {
   if [[ $1 =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]]; then printf '%s' "$1"; else printf '%q' "$1"; fi
}

make_run_folder() {
   if ! mkdir -p "$RUN_DIR" 2>/dev/null || [[ ! -w $RUN_DIR ]]; then die "RUN_DIR $RUN_DIR cannot be written; name a folder that you may write."; fi
}

# A count that somebody wrote down against what the driver sees; where there is no driver nobody knows.
check_gpu_count() {
   local there
   command -v nvidia-smi >/dev/null || return 0
   there=$(nvidia-smi --list-gpus | wc -l)
   ((NUM_GPUS <= there)) || die "NUM_GPUS is $NUM_GPUS and this node has $there GPUs; set NUM_GPUS to what there is."
}

# start NAME FILE COMMAND...: run a command in the background, in a process group of its own, its output in FILE.
start() {
   local name=$1 log=$2
   shift 2
   # Emptied here: the command's own redirection may come after wait_for's first look, which would find what the last run wrote.
   : >"$log"
   setsid "$@" >>"$log" 2>&1 </dev/null &
   STARTED+=("$!:$name")
}

# Stop what was started, the latest first, and wait until it is gone.
stop_started() {
   local entry pid seconds
   for ((entry = ${#STARTED[@]} - 1; entry >= 0; entry--)); do
      pid=${STARTED[entry]%%:*}
      kill -TERM -- "-$pid" 2>/dev/null || continue
      for ((seconds = 0; seconds < 30; seconds++)); do
         kill -0 -- "-$pid" 2>/dev/null || break
         sleep 1
      done
      kill -KILL -- "-$pid" 2>/dev/null || true
   done
   STARTED=()
}

# wait_for FILE TEXT PID SECONDS WHAT: until TEXT stands in FILE; dies if the process ends or time is up.
wait_for() {
   local second
   for ((second = 0; second < $4 * 2; second++)); do
      grep -q "$2" "$1" 2>/dev/null && return
      kill -0 "$3" 2>/dev/null || die "$5 ended before it was ready: $(tail -n 1 "$1"); see $1."
      sleep 0.5
   done
   die "$5 is not ready after $4 seconds; see $1."
}
