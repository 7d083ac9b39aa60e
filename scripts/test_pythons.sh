#!/usr/bin/env bash
# Run the tests of the rooms that need no torch on other versions of Python than the one .venv is made with.
#
#   test_pythons.sh [PYTEST OPTIONS]
#   PYTHONS      which versions (default: 3.10 3.12 3.13)
#   ROOMS        whose tests (default: code_reward data_prep code_reward_view sandbox)
#   PYENV_ROOT   where pyenv keeps its interpreters (default ~/.pyenv)
#
# Each version has an environment of its own, .venv-pythonVERSION (300 MB, without torch). A version that is not on this machine is left
# out, and said so; that there is none of them at all is an error. Safe to run again, also after it was interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

read -ra VERSIONS <<<"${PYTHONS:-3.10 3.12 3.13}"
# What these rooms' tests import beside the rooms themselves.
TOOLS=(httpx hypothesis jsonschema markdown-it-py packaging psutil pytest pytest-asyncio pytest-timeout)
NEED_TORCH=(
    tests/code_reward/test_rm_input.py
    tests/data_prep/test_{difficulty,probe,tokenizer}.py
)

tests_of() {
    case $1 in
        code_reward | code_reward_view | data_prep) echo "tests/$1" ;;
        sandbox) echo tests/reward_servers/test_{batching,compare_rules,listener,wire,sandbox{,_counter,_desk,_hostile,_isolation,_requests,_server,_worker}}.py ;;
        *)
            echo "error: '$1' is no room that is tested here; name some of code_reward, data_prep, code_reward_view, sandbox in ROOMS." >&2
            return 2
            ;;
    esac
}
TESTS=()
for room in ${ROOMS:-code_reward data_prep code_reward_view sandbox}; do
    words=$(tests_of "$room") || exit 2
    read -ra files <<<"$words"
    TESTS+=("${files[@]}")
done

# The interpreter of a version: on PATH, or pyenv's newest; a shim of pyenv's for a version that is not active runs nothing.
interpreter() {
    local candidate
    for candidate in "python$1" $(printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python | sort -rV); do
        if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
}

make_environment() {
    local env=$1 python=$2 wanted
    wanted=$("$python" --version; sha256sum pyproject.toml constraints.txt scripts/test_pythons.sh)
    if [[ $(cat "$env/installed" 2>/dev/null) == "$wanted" ]]; then return; fi
    echo "Making $env with $("$python" --version) (a minute) ..."
    "$python" -m venv --clear "$env"
    grep -v '^torch==' constraints.txt >"$env/constraints.txt"
    "$env/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --constraint "$env/constraints.txt" \
        --editable '.[sandbox]' "${TOOLS[@]}"
    # Last, because the next run takes it for the proof that all of this is done.
    echo "$wanted" >"$env/installed"
}

tested=()
for version in "${VERSIONS[@]}"; do
    python=$(interpreter "$version")
    if [[ -z $python ]]; then
        echo "Python $version is not on this machine (or cannot make environments); its tests are left out."
        continue
    fi
    make_environment ".venv-python$version" "$python"
    echo "Testing on $("$python" --version) ..."
    # Without the real data: what they test is the same on every version, and takes long.
    env -u CODE_REWARD_DATA ".venv-python$version/bin/python" -m pytest -q -m "not integration" "${NEED_TORCH[@]/#/--ignore=}" \
        "${TESTS[@]}" "$@"
    tested+=("$version")
done
if ((${#tested[@]} == 0)); then
    echo "error: none of Python ${VERSIONS[*]} is on this machine; install one, or name others in PYTHONS." >&2
    exit 2
fi
echo "Tested on Python ${tested[*]}."
