#!/usr/bin/env bash
# Make the environment of published referees of the policy benchmarks, apart from ours and from each other.
#
#   install_referees.sh referees        .venv-referees: evalplus, and LiveCodeBench's testing code (half a minute on a fast network)
#   install_referees.sh bigcodebench    .venv-bigcodebench: bigcodebench, and the libraries that its tasks use (3.1 GB)
#   PYTHON                              interpreter to make it with (default python3)
#
# They are installed without their dependencies, which include whole inference stacks: what judging imports is listed in
# NAME_requirements.txt. Safe to run again, also after it was interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

NAME=${1:-}
PYTHON=${PYTHON:-python3}
case $NAME in
    referees)
        REFEREES=(evalplus==0.3.1 nvidia-livecodebench==26.3)
        CHECK='import evalplus.evaluate, evalplus.sanitize, livecodebench.evaluation.compute_code_generation_metrics'
        ;;
    bigcodebench)
        REFEREES=(bigcodebench==0.2.5)
        CHECK='import bigcodebench.evaluate, bigcodebench.sanitize'
        ;;
    *)
        echo "error: say which environment: install_referees.sh referees, or bigcodebench" >&2
        exit 2
        ;;
esac
ENV=.venv-$NAME

made_of() {
    cat scripts/install_referees.sh "scripts/${NAME}_requirements.txt" | sha256sum
}

if [[ -f $ENV/installed && $(<"$ENV/installed") == "$(made_of)" ]]; then exit 0; fi
echo "Making $ENV with $("$PYTHON" --version) ..."
"$PYTHON" -m venv --clear "$ENV"
pip=("$ENV/bin/python" -m pip --disable-pip-version-check)
"${pip[@]}" install --quiet --requirement "scripts/${NAME}_requirements.txt"
"${pip[@]}" install --quiet --no-deps "${REFEREES[@]}"
"$ENV/bin/python" -c "$CHECK"
made_of >"$ENV/installed"
echo "Installed in $ENV: ${REFEREES[*]}"
