export COMMON_LOADED=1
DEFAULT_PORT=30000
check_env_vars() {
  local missing=()
  for name in "$@"; do
    if [[ -z "${!name:-}" ]]; then
      missing+=("$name")
    fi
  done
  if [[ ${#missing[@]} -gt 0 ]]; then
    echo "missing: ${missing[*]}" >&2
    exit 1
  fi
}
wait_for_server() {
  local port=$1 tries=0
  until curl -sf "http://0.0.0.0:$port/health" >/dev/null; do
    tries=$((tries + 1))
    if ((tries > 60)); then return 1; fi
    sleep 5
  done
}
