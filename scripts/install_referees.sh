#!/usr/bin/env bash
# Make .venv-referees: the published referees of the policy benchmarks, in an environment of their own.
#
#   PYTHON      interpreter to make it with (default python3)
#
# They are installed without their dependencies, which include whole inference stacks: what judging imports is listed in
# referees_requirements.txt. Safe to run again, also after it was interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ENV=.venv-referees
REFEREES=(evalplus==0.3.1)

made_of() {
    cat scripts/install_referees.sh scripts/referees_requirements.txt | sha256sum
}

[[ -f $ENV/installed && $(<"$ENV/installed") == "$(made_of)" ]] && exit 0
echo "Making $ENV with $("${PYTHON:=python3}" --version) ..."
"$PYTHON" -m venv --clear "$ENV"
pip=("$ENV/bin/python" -m pip --disable-pip-version-check)
"${pip[@]}" install --quiet --requirement scripts/referees_requirements.txt
"${pip[@]}" install --quiet --no-deps "${REFEREES[@]}"
"$ENV/bin/python" -c 'import evalplus.evaluate, evalplus.sanitize'
made_of >"$ENV/installed"
echo "Installed in $ENV: ${REFEREES[*]}"
