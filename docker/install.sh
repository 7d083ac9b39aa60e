#!/usr/bin/env bash
# Install this project into an image that brings its own torch, numpy and SGLang, without changing the version of anything that is there:
#
#   docker/install.sh {trainer|rm|sandbox}
#
# Our dependencies that are absent are added at the versions of constraints.txt, each without its own dependencies; then it is proven that
# nothing else changed and that what the image is for can be imported. The Dockerfiles run it; docker/prove.sh runs it in a clean environment.
set -euo pipefail
role=${1:-}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}

case $role in
   trainer)
      modules=(code_reward_slime.rewards code_reward_slime.post_process code_reward_slime.rollout_log code_reward_slime.preflight.hooks)
      modules+=(code_reward_slime.reward_model.flags code_reward_slime.reward_model.source rm_train.preflight)
      extra=sandbox # Of the trainer's own: published sets have tests that need pytest.
      ;;
   rm) modules=(reward_servers.sglang_server.commands code_reward.reference) extra="" ;;
   sandbox) modules=(reward_servers.sandbox.server) extra=sandbox ;;
   *)
      echo "error: '$role' is no image; use trainer, rm or sandbox." >&2
      exit 2
      ;;
esac

command -v "$python" >/dev/null || {
   echo "error: PYTHON is '$python', which is not here; name the Python of the image." >&2
   exit 2
}
"$python" -m pip --version >/dev/null 2>&1 || {
   echo "error: $python has no pip; install it there ($python -m ensurepip), or name another Python with PYTHON." >&2
   exit 2
}
pip() { "$python" -m pip --disable-pip-version-check --no-cache-dir "$@"; }

before=$(pip freeze --exclude code-reward | sort)
pip install --quiet --no-deps "$root"
# What was added may itself need something that is absent.
while true; do
   absent=$("$python" "$root/docker/absent.py" "$root/constraints.txt" "$extra")
   if [[ -z $absent ]]; then break; fi
   echo "adding: ${absent//$'\n'/ }"
   mapfile -t requirements <<<"$absent"
   pip install --quiet --no-deps "${requirements[@]}"
done
after=$(pip freeze --exclude code-reward | sort)
changed=$(comm -23 <(echo "$before") <(echo "$after"))
if [[ -n $before && -n $changed ]]; then
   echo "error: the installation changed ${changed//$'\n'/, }; pin what is added so that it does not." >&2
   exit 1
fi
for module in "${modules[@]}"; do "$python" -c "import $module"; done
echo "installed for $role"
