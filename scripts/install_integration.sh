#!/usr/bin/env bash
# Make .venv-integration: the one environment in which SGLang and slime really run, on CPU, for the tests marked `integration`.
#
#   PYTHON      interpreter to make it with (3.11 or 3.12; default python3)
#   TORCH       what to install for torch, as words for pip (default: the version that constraints.txt names)
#   SLIME_ROOT  a checkout of slime: SGLang gets the patches that slime's image applies (optional; without it, those that it has stay)
#
# It takes about 4 GB and two minutes on a fast network. SGLang pins its own transformers and slime needs numpy 1.x: hence an environment of
# its own, as each has a container of its own in production. Safe to run again, also after it was interrupted or SLIME_ROOT has changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ENV=.venv-integration
# Installed without dependencies: they ask for CUDA packages, or for a torch of their own.
UNRESOLVED=(sglang sglang-router soundfile torchvision triton xgrammar)

fail() {
    echo "error: $1" >&2
    exit 2
}

make_environment() {
    "$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' ||
        fail "$PYTHON is not a Python of version 3.11 or 3.12, which slime and the pinned packages need; name one that is: PYTHON=python3.12"
    echo "Making $ENV with $("$PYTHON" --version) ..."
    "$PYTHON" -m venv --clear "$ENV" ||
        fail "$PYTHON cannot make a virtual environment; on Debian and Ubuntu install the package python3-venv."
}

# Prints nothing where the package is not installed.
version_of() {
    "$ENV/bin/python" -c 'import importlib.metadata as m, sys; print(m.version(sys.argv[1]))' "$1" 2>/dev/null || true
}

# The patches that slime's image applies to SGLang, in its order; those that it does not have are left out there too.
slime_patches() {
    [[ -n "${SLIME_ROOT:-}" ]] || return 0
    local name file
    for name in sglang sglang-top_p sglang-release_hicache sglang-pull_weights sglang-deterministic; do
        file=$SLIME_ROOT/docker/patch/latest/$name.patch
        if [[ -f $file ]]; then echo "$file"; fi
    done
}

patches_digest() {
    if [[ ${#patches[@]} -eq 0 ]]; then echo none; else cat "${patches[@]}" | sha256sum | cut -d' ' -f1; fi
}

# Patches do not apply twice, and files that they made outlive an uninstallation.
remove_sglang() {
    "${pip[@]}" uninstall --quiet --yes sglang 2>/dev/null
    rm -rf "${site:?}/sglang"
}

patch_sglang() {
    local patch
    for patch in "${patches[@]}"; do
        # The environment may lie inside a repository, where git would look for the files in its index: GIT_DIR hides it.
        (cd "$site" && GIT_DIR=/dev/null git apply -p2 --include='sglang/*' "$patch") ||
            fail "$patch does not apply to the SGLang that constraints-integration.txt names; check out a slime that pins this SGLang, or leave SLIME_ROOT unset."
    done
}

PYTHON=${PYTHON:-python3}
if [[ -n "${SLIME_ROOT:-}" ]]; then
    [[ -d $SLIME_ROOT/docker/patch/latest ]] || fail "SLIME_ROOT must name a checkout of slime (github.com/THUDM/slime), not '$SLIME_ROOT'."
    SLIME_ROOT=$(cd "$SLIME_ROOT" && pwd)
fi
mapfile -t patches < <(slime_patches)
pins=$(cat scripts/install_integration.sh scripts/integration_requirements.txt constraints-integration.txt | sha256sum | cut -d' ' -f1)
wanted="$pins patches $(patches_digest)"
installed=$(cat "$ENV/installed" 2>/dev/null) || installed=
if [[ $installed == "$wanted" || (-z "${SLIME_ROOT:-}" && $installed == "$pins patches "*) ]]; then
    echo "$ENV is up to date."
    exit 0
fi

read -ra torch <<<"${TORCH:-$(grep '^torch==' constraints.txt)}"
# pip is the last thing that `venv` installs: without it, an earlier run was cut short.
"$ENV/bin/python" -m pip --version >/dev/null 2>&1 || make_environment
rm -f "$ENV/installed"
pip=("$ENV/bin/python" -m pip --disable-pip-version-check --no-input)

if [[ -z $(version_of torch) ]]; then
    echo "Installing ${torch[*]} ..."
    # Not quiet: some builds are gigabytes, and pip's progress bar is what tells.
    "${pip[@]}" install "${torch[@]}"
fi
# A CUDA build of torch brought the triton that it needs; beside a CPU build, SGLang imports the pinned one.
if [[ -n $(version_of triton) ]]; then brought='^triton=='; else brought='^$'; fi
# sed, because grep fails where no line is left: the file is emptied to move to newer versions.
{ sed "/$brought/d" constraints-integration.txt; echo "torch==$(version_of torch)"; } >"$ENV/constraints.txt"
site=$("$ENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
pinned=(--constraint "$ENV/constraints.txt")

echo "Installing what SGLang, slime and Megatron-LM import (a few minutes) ..."
"${pip[@]}" install --quiet "${pinned[@]}" --requirement scripts/integration_requirements.txt
remove_sglang
"${pip[@]}" install --quiet --no-deps "${pinned[@]}" "${UNRESOLVED[@]}"
"${pip[@]}" install --quiet --no-deps --editable .
if [[ ${#patches[@]} -gt 0 ]]; then
    echo "Applying ${#patches[@]} patches of slime to SGLang ..."
    patch_sglang
fi
# Last, because the next run takes it for the proof that all of this is done.
echo "$wanted" >"$ENV/installed"
echo "Installed in $ENV: torch $(version_of torch), SGLang with ${#patches[@]} patches of slime."
