#!/usr/bin/env bash
# Prove what docker/install.sh does, without Docker: run it in a clean virtual environment that has, like the image, some packages at other
# versions than ours, and see that they stay and that the image's command works: docker/prove.sh [trainer|rm|sandbox]...
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# As in the image: not as root.
as=()
if ((UID == 0)); then
   as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
   "${as[@]}" env HOME=/tmp "$python" -c "" 2>/dev/null || {
      echo "error: $python cannot be run by other users than root; name one that can: PYTHON=/usr/bin/python3 $0" >&2
      exit 2
   }
fi

# What slime's and SGLang's images have of our dependencies, in their versions; Megatron needs numpy 1.x, with which newer pyarrow do not work.
image=(numpy==1.26.4 "pyarrow<22" pydantic==2.11.7 aiohttp==3.12.15 jinja2==3.1.6 pyyaml==6.0.2 tokenizers==0.22.1)

# A pytest file decided in a sandbox of the process's own.
pytest_here="
import asyncio
from code_reward.problem import PytestTest
from reward_servers.sandbox import connect

async def main():
    sandbox = connect(workers=1)
    outcome = await sandbox.run('def f(): return 1', [PytestTest(code='from solution import f\ndef test_f(): assert f() == 1')])
    await sandbox.close()
    assert outcome.passed, outcome

asyncio.run(main())
"

prove() {
   local role=$1 environment=$scratch/$1
   "$python" -m venv "$environment"
   if [[ $role != sandbox ]]; then "$environment/bin/python" -m pip --disable-pip-version-check install --quiet "${image[@]}"; fi
   PYTHON=$environment/bin/python "$root/docker/install.sh" "$role"
   cd "$scratch"
   case $role in
      trainer)
         "$environment/bin/python" -c "import numpy; assert numpy.__version__ == '1.26.4'"
         "$environment/bin/code-reward" doctor --help >/dev/null
         # There is no slime here, and that is what it must say.
         "$environment/bin/code-reward" doctor >"$scratch/doctor" 2>&1 || true
         grep -q "sglang is not installed" "$scratch/doctor"
         "$environment/bin/python" -c "$pytest_here"
         ;;
      rm) "$environment/bin/python" -m reward_servers.sglang_server --help >/dev/null ;;
      sandbox) serve_as_nobody "$environment/bin/python" ;;
   esac
   echo "proven: $role"
}

# At the isolation that the image requires.
serve_as_nobody() {
   local log=$scratch/sandbox.log
   chmod -R go+rX "$scratch"
   "${as[@]}" env HOME=/tmp "$1" -m reward_servers.sandbox --require confined --workers 1 >"$log" 2>&1 &
   local server=$! second
   for ((second = 0; second < 120; second++)); do
      if grep -q "^ready " "$log"; then break; fi
      kill -0 "$server" 2>/dev/null || break
      sleep 0.5
   done
   kill "$server" 2>/dev/null || true
   wait "$server" || true
   grep "^ready " "$log" || {
      cat "$log"
      exit 1
   }
}

if (($# == 0)); then set -- trainer rm sandbox; fi
for role in "$@"; do prove "$role"; done
