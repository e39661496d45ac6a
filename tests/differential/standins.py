"""Programs that stand in for the launchers and tools that launch scripts call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_RECORD = """#!/bin/sh
cat "/proc/$$/cmdline" "/proc/$$/environ" >"${0%/bin/*}/calls/$$.$#"
"""
_SUCCEED = "#!/bin/sh\n"

# {words}: options that take their value as a word of its own; the others stand alone or joined.
_PASS_ON = """#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    {words}) shift 2 ;;
    --) shift; break ;;
    -*) shift ;;
    *) break ;;
  esac
done
{then}
[ $# -eq 0 ] || exec "$@"
"""

_SRUN = """#!/bin/bash
export=ALL
while [ $# -gt 0 ]; do
  case "$1" in
    --export=*) export=${1#*=}; shift ;;
    --export) export=$2; shift 2 ;;
    -[NnwpctJoAeGxDM]|--nodes|--ntasks|--nodelist|--partition|--cpus-per-task|--time|--job-name|\\
    --output|--error|--account|--container-image|--container-mounts|--gres|--mpi|--jobid|\\
    --ntasks-per-node|--chdir|--container-name|--gpus|--exclude) shift 2 ;;
    --) shift; break ;;
    -*) shift ;;
    *) break ;;
  esac
done
IFS=, read -ra items <<<"$export"
set -- "$@"
settings=()
clean=1
for item in "${items[@]}"; do
  case "$item" in
    ALL) clean= ;;
    NONE) ;;
    *=*) settings+=("$item") ;;
    *) [ -z "${!item+x}" ] || settings+=("$item=${!item}") ;;
  esac
done
if [ -n "$clean" ]; then
  exec env -i PATH="$PATH" "${settings[@]}" "$@"
fi
exec env "${settings[@]}" "$@"
"""

_DOCKER = """#!/bin/bash
verb=$1
shift
case "$verb" in run|exec) ;; *) exit 0 ;; esac
settings=()
files=()  # what -e gives goes before them, wherever it stands
give() {
  case "$1" in
    *=*) settings+=("$1") ;;
    *) [ -z "${!1+x}" ] || settings+=("$1=${!1}") ;;
  esac
}
give_file() {
  given=("${settings[@]}")
  settings=()
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line#"${line%%[![:space:]]*}"}
    case "$line" in ''|'#'*) ;; *) give "$line" ;; esac
  done <"$1"
  files+=("${settings[@]}")
  settings=("${given[@]}")
}
entry=()
while [ $# -gt 0 ]; do
  case "$1" in
    -e|--env) give "$2"; shift 2 ;;
    -e*) give "${1#-e}"; shift ;;
    --env=*) give "${1#*=}"; shift ;;
    --env-file) give_file "$2"; shift 2 ;;
    --env-file=*) give_file "${1#*=}"; shift ;;
    --entrypoint) entry=("$2"); shift 2 ;;
    --entrypoint=*) entry=("${1#*=}"); shift ;;
    -v|--volume|-p|--publish|-w|--workdir|-u|--user|-h|--hostname|-m|--memory|-l|--name|\\
    --network|--net|--ipc|--shm-size|--device|--gpus|--cap-add|--security-opt|--group-add|\\
    --ulimit|--mount|--platform|--runtime|--pid|--restart|--label|--cpus|--add-host) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
shift
[ -n "${entry[*]}${1-}" ] || exit 0
exec env -i PATH="$PATH" "${files[@]}" "${settings[@]}" "${entry[@]}" "$@"
"""

_MPIRUN = """#!/bin/bash
settings=()
while [ $# -gt 0 ]; do
  case "$1" in
    -x) case "$2" in *=*) settings+=("$2") ;; esac; shift 2 ;;
    -np|-n|-N|-H|--host|--hostfile|-hostfile|--bind-to|--map-by) shift 2 ;;
    --mca|-mca) shift 3 ;;
    -*) shift ;;
    *) break ;;
  esac
done
exec env "${settings[@]}" "$@"
"""

# ssh joins its words with spaces and lets a shell on the other side read them again; without any
# that shell reads what it is given.
_SSH = """#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -[opilFJLRD]) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
shift
[ $# -eq 0 ] && exec env -i PATH="$PATH" bash
exec env -i PATH="$PATH" bash -c "$*"
"""

# A login shell would read the machine's profile; this one doesn't.
_BASH = """#!/bin/bash
exec /bin/bash --norc --noprofile "$@"
"""

_TASKSET = _PASS_ON.format(words="-c|--cpu-list", then='case "$1" in 0x*|[0-9]*) shift ;; esac')

_AT_ONCE = [
    "curl",
    "sleep",
    "wget",
    "pip",
    "pip3",
    "uv",
    "git",
    "ray",
    "sbatch",
    "squeue",
    "scancel",
    "nvidia-smi",
    "rocm-smi",
    "amd-smi",
    "rocminfo",
    "hf",
    "huggingface-cli",
    "lsof",
    "pkill",
    "killall",
    "fuser",
    "ibv_devinfo",
    "modprobe",
    "sysctl",
    "nc",
    "ping",
    "apt-get",
    "nsys",
]

PROGRAMS = {
    **dict.fromkeys(
        ("python", "python3", "sglang", "torchrun", "vllm", "smg", "amg", "sgl-router"), _RECORD
    ),
    **dict.fromkeys(
        _AT_ONCE,
        _SUCCEED,
    ),
    "numactl": _PASS_ON.format(
        words="-N|-m|-C|-i|-l|-p|--cpunodebind|--membind|--physcpubind|--interleave|--preferred",
        then="",
    ),
    "taskset": _TASKSET,
    "stdbuf": _PASS_ON.format(words="-i|-o|-e|--input|--output|--error", then=""),
    "bash": _BASH,
    "srun": _SRUN,
    "docker": _DOCKER,
    "podman": _DOCKER,
    "mpirun": _MPIRUN,
    "ssh": _SSH,
}


def write(folder: Path) -> None:
    """Write all stand-ins into a folder."""
    for name, text in PROGRAMS.items():
        program = folder / name
        program.write_text(text)
        program.chmod(0o755)
