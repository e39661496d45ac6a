# The default of an argument isn't used where the script itself puts arguments behind "$@".
set -- "$@" one two
sglang serve --x="${2-}" --y "${1:-d}" "${3}"
shift
sglang serve --x="${2-}" --y "${1:-d}"
set -- first "$@"
sglang serve --x="${2-}" --y "${1:-d}"
