#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'END'
Train a tiny test generator from scratch, serve it, and have it write tests: data, supervised training, synthesis, what the tests are worth.
Stages whose result is there are not run again. Variables, not options:

  FOLDER     where everything goes (runs/test_generator)
  PYTHON     the interpreter (.venv/bin/python)
  BASE       problems whose programs the language model is taught first (2000)
  PROBLEMS   problems whose tests it is then taught (400)
  EPOCHS     passes over these (3)
  TASKS      problems to write tests for (40)
  SAMPLES    tests for each of them (8)
END
}

case ${1:-} in
  "") ;;
  -h | --help) usage && exit ;;
  *) echo "error: there is no option $1; --help names the variables that may be set." >&2 && exit 2 ;;
esac
cd "$(dirname "$0")/.."

FOLDER=$(realpath -m "${FOLDER:-runs/test_generator}")
PYTHON=${PYTHON:-.venv/bin/python}
BASE=${BASE:-2000}
PROBLEMS=${PROBLEMS:-400}
EPOCHS=${EPOCHS:-3}
TASKS=${TASKS:-40}
SAMPLES=${SAMPLES:-8}
SERVED="$FOLDER/served"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} PYTHONPATH="$PWD:$PWD/trl_plugins:${PYTHONPATH:-}" HF_HUB_OFFLINE=1
mkdir -p "$FOLDER"

# stage RESULT MODULE ARGUMENTS...: run a module unless its result is there.
stage() {
  local result=$1
  shift
  if [[ -e $result ]]; then
    echo "have $result"
  else
    echo "== $*"
    "$PYTHON" -m "$@"
  fi
}

data() {
  stage "$FOLDER/problems/test.jsonl" data_prep.families --out "$FOLDER/problems" --policy-sft "$PROBLEMS" --rm "$BASE" --rl 1 --test "$TASKS" --test-held-out 0 --held-out 0
  local name file
  for name in policy_sft test; do
    file="$FOLDER/problems/$name.jsonl"
    stage "$FOLDER/$name.mutants.jsonl" data_prep.mutants --problems "$file" --out "$FOLDER/$name.mutants.jsonl"
    stage "$FOLDER/$name.labelled.jsonl" data_prep.label --problems "$file" --candidates "$FOLDER/$name.mutants.jsonl" --out "$FOLDER/$name.labelled.jsonl"
  done
  stage "$FOLDER/references.jsonl" data_prep.demonstrations --problems "$FOLDER/problems/rm.jsonl" --per-problem 1 --right-share 1 \
    --out "$FOLDER/references.jsonl"
  stage "$FOLDER/written.jsonl" data_prep.unit_tests.offline --problems "$FOLDER/problems/policy_sft.jsonl" --out "$FOLDER/written.jsonl"
  stage "$FOLDER/sft.jsonl" data_prep.unit_tests.training --problems "$FOLDER/problems/policy_sft.jsonl" --tests "$FOLDER/written.jsonl" \
    --wrong "$FOLDER/policy_sft.labelled.jsonl" --out "$FOLDER/sft.jsonl"
}

train() {
  stage "$FOLDER/tokenizer/tokenizer.json" data_prep.tokenizer --rows "$FOLDER/sft.jsonl" --out "$FOLDER/tokenizer"
  local short=(--batch-size 4 --adam-beta2 0.99)
  # To copy a function's name from a question is what a small model learns last, and sooner from short programs than from long tests.
  stage "$FOLDER/base" code_reward_trl.sft --data "$FOLDER/references.jsonl" --tokenizer "$FOLDER/tokenizer" --out "$FOLDER/base" \
    --epochs 4 --learning-rate 2.5e-3 "${short[@]}"
  stage "$FOLDER/generator" code_reward_trl.sft --data "$FOLDER/sft.jsonl" --init "$FOLDER/base" --out "$FOLDER/generator" \
    --epochs "$EPOCHS" --learning-rate 1.5e-3 --max-length 640 "${short[@]}"
}

# Serve the generator as an OpenAI-compatible server on a free port, and write the endpoint's address into a file.
serve() {
  local port
  port=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  "$(dirname "$PYTHON")/transformers" serve "$FOLDER/generator" --device cpu --host 127.0.0.1 --port "$port" >"$SERVED.log" 2>&1 &
  SERVER=$!
  trap 'kill "$SERVER"' EXIT
  local deadline=$((SECONDS + 300))
  until "$PYTHON" -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null; do
    if ((SECONDS > deadline)) || ! kill -0 "$SERVER"; then
      cat "$SERVED.log" >&2
      echo "error: the generator is not served; the log above says why." >&2
      exit 1
    fi
    sleep 1
  done
  printf -- '- {url: "http://127.0.0.1:%s/v1", model: "%s", concurrency: 2}\n' "$port" "$FOLDER/generator" >"$SERVED.yaml"
}

synthesise() {
  stage "$FOLDER/solutions.jsonl" data_prep.demonstrations --problems "$FOLDER/problems/test.jsonl" --out "$FOLDER/solutions.jsonl" \
    --per-problem 2
  if [[ ! -e $FOLDER/tests.jsonl ]]; then
    serve
    stage "$FOLDER/tests.jsonl" data_prep.unit_tests.synthesis --solutions "$FOLDER/solutions.jsonl" --endpoints "$SERVED.yaml" \
      --out "$FOLDER/tests.jsonl" --samples "$SAMPLES" --max-tokens 300
  fi
  stage "$FOLDER/matrices.jsonl" data_prep.unit_tests.matrix --labelled "$FOLDER/test.labelled.jsonl" --tests "$FOLDER/tests.jsonl" \
    --out "$FOLDER/matrices.jsonl" --cpu-seconds 1
  "$PYTHON" -m data_prep.unit_tests.quality "$FOLDER/matrices.jsonl"
}

data
train
synthesise
