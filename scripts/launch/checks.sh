# shellcheck shell=bash
# What the variables of a launcher may be. Whatever is wrong with them is said before anything starts, by a dry run as by a run; what is only
# known with Python (settings of the hooks, rows of data) is the preflight's.

# whole_numbers NAME...: these variables, where they are set, must be whole numbers.
whole_numbers() {
   local name
   for name in "$@"; do
      [[ ${!name:-0} =~ ^[0-9]+$ ]] || die "$name is '${!name}', not a whole number; correct it."
   done
}

# counts NAME...: likewise, and at least 1.
counts() {
   local name
   whole_numbers "$@"
   for name in "$@"; do
      ((10#${!name:-1} > 0)) || die "$name is 0; at least 1 is needed."
   done
}

# numbers NAME...: these variables, where they are set, must be numbers.
numbers() {
   local name
   for name in "$@"; do
      [[ ${!name:-0} =~ ^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$ ]] || die "$name is '${!name}', not a number; correct it."
   done
}

# one_of NAME WORD...: this variable, where it is set, must be one of the words.
one_of() {
   local name=$1
   shift
   [[ " $* " == *" ${!name:-$1} "* ]] || die "$name is '${!name}'; use one of: $*."
}

# addresses NAME...: these variables, where they are set, hold URLs, with spaces or commas between.
addresses() {
   local name url
   for name in "$@"; do
      for url in $(tr ',' ' ' <<<"${!name:-}"); do
         [[ $url == http://?* || $url == https://?* ]] || die "$name holds '$url', which is no URL; write http://HOST:PORT."
      done
   done
}

# programs NAME...: these variables must name programs that are there.
programs() {
   local name
   for name in "$@"; do
      command -v "${!name}" >/dev/null || die "$name is '${!name}', which is not here; name the Python that has what the run needs."
   done
}

# What to do about a file that is not there, by the variable that names it; launchers add their own.
declare -A REMEDIES=(
   [MODEL_DIR]="fetch the model there: hf download OWNER/NAME --local-dir FOLDER"
   [INIT]="give the folder of a model, such as hf download OWNER/NAME --local-dir FOLDER makes"
   [RM_DIR]="give the folder of a reward model (docs/serving.md)"
   [CURRICULUM]="make it with python -m data_prep.difficulty"
)

# tell_absent NAME=PATH...: for a dry run, what the run would read and is not there; the status is 1 if something is not.
tell_absent() {
   local entry status=0
   for entry in "$@"; do
      if [[ ! -e ${entry#*=} ]]; then
         printf 'missing: %s (%s); %s.\n' "${entry#*=}" "${entry%%=*}" "${REMEDIES[${entry%%=*}]:-the run would not start without it}" >&2
         status=1
      fi
   done
   return "$status"
}

# lacks MODULES: says what the Python of the run lacks to import them (commas between); nothing if it lacks nothing, whatever it warns of.
lacks() {
   local said ours=$CODE_REWARD:$CODE_REWARD/slime_plugins:$CODE_REWARD/trl_plugins
   said=$(env PYTHONPATH="$ours${PYTHONPATH:+:$PYTHONPATH}" "$PYTHON" -c "import $1" 2>&1 >/dev/null) || tail -n 1 <<<"${said:-it could not be started}"
}

# need MODULES HOW: ends a run whose Python lacks something, before anything is started.
need() {
   local absent
   absent=$(lacks "$1")
   [[ -z $absent ]] || die "$PYTHON (PYTHON) lacks what the run needs (${absent##*Error: }); $2."
}
