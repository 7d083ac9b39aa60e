#!/usr/bin/env bash
# Make .venv-loops: ms-swift, OpenRLHF and verifiers beside what .venv already holds, on CPU, for the tests of the guides to them.
#
# Their own requirements hold back or bring CUDA versions of much that is not needed to compute a reward, so each is installed without them,
# and what its reward path imports beside. Safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ENV=.venv-loops
wanted=$(sha256sum scripts/install_loops.sh .venv/constraints.txt | sha256sum | cut -d' ' -f1)
if [[ $(cat "$ENV/installed" 2>/dev/null) == "$wanted" ]]; then
    echo "$ENV is up to date."
    exit 0
fi

site() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

echo "Making $ENV ..."
.venv/bin/python -m venv --clear "$ENV"
printf '%s\n' "$PWD" "$PWD/trl_plugins" "$(site .venv)" >"$(site "$ENV")/code_reward.pth"
pip=("$ENV/bin/python" -m pip --disable-pip-version-check --no-input install --quiet)
echo "Installing ms-swift, OpenRLHF and what their reward paths import (a minute) ..."
"${pip[@]}" --no-deps ms-swift==4.6.0 openrlhf==0.11.2
"${pip[@]}" --no-deps modelscope modelscope-hub addict dacite cryptography cffi pycparser json_repair pylatexenc
echo "Installing verifiers ..."
"${pip[@]}" verifiers==0.4.0
# Last, because the next run takes it for the proof that all of this is done.
echo "$wanted" >"$ENV/installed"
echo "Installed in $ENV: ms-swift 4.6.0, OpenRLHF 0.11.2, verifiers 0.4.0."
