#!/usr/bin/env bash
# Make .venv-verl: verl beside what .venv already holds, on CPU, for the tests of code_reward_verl.
#
# verl's own list of requirements holds transformers back to older versions than ours and brings CUDA packages; its reward loop needs
# neither. So verl is installed without them, and what it imports beside. Safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ENV=.venv-verl
wanted=$(sha256sum scripts/install_verl.sh .venv/constraints.txt | sha256sum | cut -d' ' -f1)
if [[ $(cat "$ENV/installed" 2>/dev/null) == "$wanted" ]]; then
    echo "$ENV is up to date."
    exit 0
fi

site() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

echo "Making $ENV ..."
.venv/bin/python -m venv --clear "$ENV"
printf '%s\n' "$PWD" "$PWD/verl_plugins" "$(site .venv)" >"$(site "$ENV")/code_reward.pth"
pip=("$ENV/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --constraint .venv/constraints.txt)
echo "Installing verl and what its reward loop imports (a minute) ..."
"${pip[@]}" --no-deps verl==0.9.1
"${pip[@]}" cachetools==8.0.2 codetiming==1.4.0 hydra-core==1.3.8 peft==0.21.2 tensordict==0.8.3 torchdata==0.11.0
# Last, because the next run takes it for the proof that all of this is done.
echo "$wanted" >"$ENV/installed"
echo "Installed in $ENV: verl 0.9.1."
