# args: -p 31000 -x -z
# A pattern that begins with a backslash stands first.
while getopts "p:x" opt; do
  case "$opt" in
    \?) export BAD=$OPTARG ;;
    p) PORT=$OPTARG ;;
    x) export EXTRA=1 ;;
  esac
done
shift $((OPTIND - 1))
case "$1" in
  \*) export STAR=1 ;;
  "") export NONE=1 ;;
esac
case '*' in
  \*)
    export STAR=2
    ;;
esac
sglang serve --port "${PORT:-30000}" "$@"
