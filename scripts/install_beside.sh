#!/usr/bin/env bash
# Make an environment for the tests with another training loop: what .venv already holds, and beside it that loop, on CPU.
#
#   install_beside.sh verl    .venv-verl: verl, for code_reward_verl
#   install_beside.sh loops   .venv-loops: ms-swift, OpenRLHF and verifiers, for the guides to them
#
# Their own lists of requirements hold back, or bring CUDA versions of, much that is not needed to compute a reward. So they are installed
# without them, and what their reward paths import beside. Safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

KIND=${1:-}
case $KIND in
    verl) plugins=verl_plugins names="verl 0.9.1" ;;
    loops) plugins=trl_plugins names="ms-swift 4.6.0, OpenRLHF 0.11.2, verifiers 0.4.0" ;;
    *)
        echo "error: say what to install: verl or loops." >&2
        exit 2
        ;;
esac

ENV=.venv-$KIND
wanted=$(sha256sum scripts/install_beside.sh .venv/constraints.txt | sha256sum | cut -d' ' -f1)
if [[ $(cat "$ENV/installed" 2>/dev/null) == "$wanted" ]]; then
    echo "$ENV is up to date."
    exit 0
fi

site() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

echo "Making $ENV with $names (a minute) ..."
.venv/bin/python -m venv --clear "$ENV"
printf '%s\n' "$PWD" "$PWD/$plugins" "$(site .venv)" >"$(site "$ENV")/code_reward.pth"
pip=("$ENV/bin/python" -m pip --disable-pip-version-check --no-input install --quiet)
case $KIND in
    verl)
        pip+=(--constraint .venv/constraints.txt)
        "${pip[@]}" --no-deps verl==0.9.1
        "${pip[@]}" cachetools==8.0.2 codetiming==1.4.0 hydra-core==1.3.8 peft==0.21.2 tensordict==0.8.3 torchdata==0.11.0
        ;;
    loops)
        "${pip[@]}" --no-deps ms-swift==4.6.0 openrlhf==0.11.2
        "${pip[@]}" --no-deps modelscope modelscope-hub addict dacite cryptography cffi pycparser json_repair pylatexenc
        "${pip[@]}" verifiers==0.4.0
        ;;
esac
# Last, because the next run takes it for the proof that all of this is done.
echo "$wanted" >"$ENV/installed"
echo "Installed in $ENV: $names."
