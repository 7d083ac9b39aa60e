#!/usr/bin/env bash
# Make .venv and install the project into it, editable, with everything that its tests need.
#
#   PYTHON   interpreter to make .venv with (3.10 or newer; default python3)
#   TORCH    what to install for torch, as words for pip (default: the version that constraints.txt names)
#
# torch comes first and is never changed again: every later step is held to the version that is there, so that a build chosen for this
# machine (CPU, a certain CUDA) is not replaced by the registry's. Safe to run again, also after it was interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "error: $1" >&2
    exit 2
}

make_environment() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "$PYTHON is not a Python of version 3.10 or newer; name one that is: make install PYTHON=python3.12"
    echo "Making .venv with $("$PYTHON" --version) ..."
    "$PYTHON" -m venv --clear .venv ||
        fail "$PYTHON cannot make a virtual environment; on Debian and Ubuntu install the package python3-venv."
}

# Prints nothing where torch is not installed.
torch_version() {
    .venv/bin/python -c 'import importlib.metadata as m; print(m.version("torch"))' 2>/dev/null || true
}

PYTHON=${PYTHON:-python3}
read -ra torch <<<"${TORCH:-$(grep '^torch==' constraints.txt)}"
# pip is the last thing that `venv` installs: without it, an earlier run was cut short.
.venv/bin/python -m pip --version >/dev/null 2>&1 || make_environment
pip=(.venv/bin/python -m pip --disable-pip-version-check --no-input)

grep -v '^torch==' constraints.txt >.venv/constraints.txt
if [[ -z $(torch_version) ]]; then
    echo "Installing ${torch[*]} ..."
    # Not quiet: some builds are gigabytes, and pip's progress bar is what tells.
    "${pip[@]}" install --constraint .venv/constraints.txt "${torch[@]}"
fi
version=$(torch_version)
echo "torch==$version" >>.venv/constraints.txt

echo "Installing code-reward and what it needs (a few minutes) ..."
"${pip[@]}" install --quiet --constraint .venv/constraints.txt --editable '.[dev]'
# Last, because the Makefile takes it for the proof that all of this is done.
echo "$version" >.venv/installed
