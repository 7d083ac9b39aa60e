# shellcheck shell=bash disable=SC2034
# The command line of a launcher: one word that chooses, a few switches, and after -- options for what is started.

# read_command_line WHAT "CHOICES" "SWITCHES" WORDS...: sets CHOICE, DRY_RUN (1; 2 for --job-environment), PROFILE and MORE_ARGS.
read_command_line() {
   local what=$1 choices=" $2 " switches=" $3 "
   shift 3
   CHOICE="" DRY_RUN=0 PROFILE="" MORE_ARGS=()
   while (($#)); do
      if [[ $1 == --?* && $1 != --help && $switches != *" $1 "* ]]; then
         die "there is no option $1; options of what is started follow after --."
      fi
      case $1 in
         -h | --help) usage && exit 0 ;;
         --dry-run) DRY_RUN=1 ;;
         --job-environment) DRY_RUN=2 ;;
         --profile)
            [[ ${2:-} == cpu-tiny ]] || die "--profile is '${2:-}'; the only one is cpu-tiny."
            PROFILE=$2 && shift
            ;;
         --)
            shift
            MORE_ARGS=("$@")
            break
            ;;
         *)
            [[ -z $CHOICE ]] || die "'$1' is one word too many; name one $what:$(either "$choices")."
            [[ $choices == *" $1 "* ]] || die "'$1' is no $what; name one of:$(either "$choices")."
            CHOICE=$1
            ;;
      esac
      shift
   done
   [[ -n $CHOICE ]] || die "name the $what:$(either "$choices") (see --help)."
}

# either " A B C ": " A, B or C".
either() { sed -E 's/ $//; s/([^ ]) /\1, /g; s/, ([^,]*)$/ or \1/' <<<"$1"; }
