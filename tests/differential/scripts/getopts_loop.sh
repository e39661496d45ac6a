# args: -t 4 -v -m/models/x rest
TP=8
while getopts "t:m:vh" opt; do
  case $opt in
    t) TP=$OPTARG ;;
    m) MODEL=$OPTARG ;;
    v) VERBOSE=1 ;;
    *) exit 1 ;;
  esac
done
shift $((OPTIND - 1))
python3 -m sglang.launch_server --tp "$TP" --model-path "$MODEL" ${VERBOSE:+--log-level debug} "$@"
