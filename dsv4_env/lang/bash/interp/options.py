"""Options of the commands that run another command, and reading them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from dsv4_env.lang.bash.expand.values import Argv, Symbol, Text
from dsv4_env.model import Location


@dataclass(slots=True, eq=False, repr=False)
class WrapperOptions:
    """What a wrapper takes: letters and long names without and with a value, and operands."""

    flags: str = ""
    values: str = ""
    long: frozenset[str] = frozenset()
    long_values: frozenset[str] = frozenset()
    operands: int = 0
    numbers: bool = False
    single: bool = False  # long options may have one dash


def _o(
    flags: str = "",
    values: str = "",
    long: str = "",
    long_values: str = "",
    operands: int = 0,
    *,
    numbers: bool = False,
    single: bool = False,
) -> WrapperOptions:
    return WrapperOptions(
        flags,
        values,
        frozenset(long.split()),
        frozenset(long_values.split()),
        operands,
        numbers,
        single,
    )


ENV = _o(
    "i0v",
    "uCS",
    "ignore-environment null debug list-signal-handling",
    "unset chdir split-string block-signal default-signal ignore-signal",
)
SUDO = _o(
    "AbEeHiKklnPSsv",
    "CDghpRrTtUu",
    "preserve-env set-home non-interactive login shell background stdin",
    "user group host prompt chdir chroot close-from",
)
DOCKER = _o(
    "ditP",
    "aceuvwhlmp",
    "detach interactive tty privileged rm init no-healthcheck publish-all read-only "
    "sig-proxy oom-kill-disable disable-content-trust quiet",
    "env env-file volume workdir user name network net ipc shm-size device group-add "
    "cap-add cap-drop security-opt ulimit gpus runtime entrypoint memory memory-swap "
    "memory-reservation cpus cpuset-cpus cpuset-mems cpu-shares mount publish expose "
    "hostname add-host label pid platform pull restart tmpfs userns uts cgroupns "
    "log-driver log-opt volumes-from link dns detach-keys attach cidfile device-cgroup-rule "
    "annotation label-file network-alias ip mac-address stop-signal stop-timeout "
    "storage-opt sysctl volume-driver isolation blkio-weight pids-limit kernel-memory "
    "health-cmd health-interval health-retries health-start-period health-timeout",
)
APPTAINER = _o(
    "cCeu",
    "BHSW",
    "nv rocm cleanenv contain containall fakeroot writable writable-tmpfs no-home userns "
    "no-init no-mount nvccli pid ipc net compat",
    "bind env env-file home pwd cwd workdir overlay scratch mount app security hostname",
)
XARGS = _o(
    "0rtpox",
    "adEeIiLlnPs",
    "null no-run-if-empty verbose interactive open-tty exit",
    "arg-file delimiter eof max-lines max-args max-procs max-chars replace process-slot-var",
)
TMUX = _o("AdDEPX", "cefFnstxy")
TMUX_KEYS = _o("FHKlMRX", "cNt")
SSH = _o("46AaCfGgKkMNnqsTtVvXxYy", "BbcDEeFIiJLlmOopQRSWw")
SCREEN = _o("dDmaAiLOqUxXrR", "ceEhpsStT")
TRANSPARENT: dict[str, WrapperOptions] = {
    "nohup": _o(),
    "command": _o("p"),
    "exec": _o("cl", "a"),
    "setsid": _o("cfw", "", "ctty fork wait"),
    "time": _o("apvq", "fo", "append verbose portability quiet", "format output"),
    "nice": _o("", "n", "", "adjustment", numbers=True),
    "ionice": _o("t", "cn", "ignore", "class classdata"),
    "chrt": _o(
        "abdfioramRv",
        "TPD",
        "batch deadline fifo idle other rr all-tasks reset-on-fork",
        "sched-runtime sched-period sched-deadline",
        1,
    ),
    "timeout": _o("vfp", "ks", "foreground preserve-status verbose", "kill-after signal", 1),
    "stdbuf": _o("", "ioe", "", "input output error"),
    "taskset": _o("ac", "", "all-tasks cpu-list", "", 1),
    "numactl": _o(
        "la",
        "mNCipbw",
        "localalloc all balancing",
        "membind cpunodebind physcpubind interleave preferred preferred-many "
        "weighted-interleave cpubind",
    ),
    "unbuffer": _o("p"),
    "srun": _o(
        "EHIklOQsuvX",
        "AbcCdDeGiIJLmMnNoprtTVwWx",
        "exclusive overlap unbuffered label kill-on-bad-exit no-kill oversubscribe "
        "overcommit quiet verbose pty mpi-combine wait-all-nodes container-mount-home "
        "no-container-mount-home container-writable container-remap-root "
        "no-container-remap-root no-container-entrypoint container-entrypoint spread-job "
        "use-min-nodes immediate hold exact whole disable-status multi-prog",
        "nodes ntasks ntasks-per-node cpus-per-task gpus gpus-per-node gpus-per-task "
        "nodelist exclude partition account time job-name output error input chdir export "
        "mem mem-per-cpu mem-per-gpu mpi jobid constraint gres qos relative "
        "container-image container-mounts container-name container-workdir "
        "container-save container-env cpu-bind mem-bind gpu-bind distribution wait "
        "reservation comment threads-per-core cores-per-socket unbuffered-io "
        "kill-on-bad-exit het-group network nice priority begin signal switches",
    ),
    "mpirun": _o(
        "qv",
        "NH",
        "allow-run-as-root oversubscribe tag-output display-map verbose "
        "display-allocation report-bindings bynode bycore nolocal quiet do-not-launch",
        "np n c npernode npersocket host hostfile machinefile bind-to map-by rank-by "
        "prefix wdir path output-filename timeout ppn hosts rankfile",
        single=True,
    ),
    "torchrun": _o(
        "m",
        "rt",
        "standalone no-python run-path module",
        "nnodes nproc-per-node nproc_per_node node-rank node_rank master-addr "
        "master_addr master-port master_port rdzv-backend rdzv_backend rdzv-endpoint "
        "rdzv_endpoint rdzv-id rdzv_id rdzv-conf rdzv_conf max-restarts max_restarts "
        "monitor-interval start-method role log-dir log_dir redirects tee local-addr",
    ),
}


SBATCH = replace(
    TRANSPARENT["srun"],
    long=TRANSPARENT["srun"].long | frozenset("parsable wait requeue no-requeue test-only".split()),
    long_values=TRANSPARENT["srun"].long_values
    | frozenset("wrap array mail-type mail-user dependency comment open-mode get-user-env".split()),
    values=TRANSPARENT["srun"].values.replace("W", "") + "aC",
    flags=TRANSPARENT["srun"].flags + "W",
)
TRANSPARENT["mpiexec"] = TRANSPARENT["orterun"] = TRANSPARENT["mpirun"]


_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)


@dataclass(slots=True, eq=False, repr=False)
class TakenOptions:
    """Options of a wrapper as found, where its command begins, and the first unknown one."""

    given: list[tuple[str, Text, Location]] = field(default_factory=list)
    at: int = 1
    unknown: Text | None = None


def take_options(words: Argv, options: WrapperOptions) -> TakenOptions:
    """The options that a wrapper's words begin with."""
    found = TakenOptions()
    i = 1
    while i < len(words):
        word, place = words[i]
        if isinstance(word, Symbol):
            if word.text.startswith("-") or (word.splits and not _ASSIGNMENT.match(word.text)):
                found.unknown = word
            break
        if word == "--":
            i += 1
            break
        if not word.startswith("-") or word == "-":
            break
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("--") or (options.single and len(name) > 1):
            if name in options.long_values:
                if equals:
                    found.given.append((name, value, place))
                elif i + 1 < len(words):
                    i += 1
                    found.given.append((name, words[i][0], words[i][1]))
            elif name in options.long:
                found.given.append((name, value, place))
            else:
                found.unknown = word
                break
        elif options.numbers and word[1:].isdigit():
            found.given.append(("", word[1:], place))
        elif not _letters(words, i, options, found):
            break
        elif (
            found.given
            and found.given[-1][1] is words[min(i + 1, len(words) - 1)][0]
            and (word[-1] in options.values)
        ):
            i += 1
        i += 1
    found.at = i
    return found


def _letters(words: Argv, i: int, options: WrapperOptions, found: TakenOptions) -> bool:
    word, place = words[i]
    assert isinstance(word, str)
    for j, letter in enumerate(word[1:], 1):
        if letter in options.values:
            if j + 1 < len(word):
                found.given.append((letter, word[j + 1 :], place))
            elif i + 1 < len(words):
                found.given.append((letter, words[i + 1][0], words[i + 1][1]))
            return True
        if letter not in options.flags:
            found.unknown = word
            return False
        found.given.append((letter, "", place))
    return True


def in_some_order(words: Argv) -> Iterator[tuple[Text, Location]]:
    """The words of ``env``, with assignments of which only the order isn't known in one."""
    before: Text = ""
    for i, (word, place) in enumerate(words):
        free = i == 1 or before == "-i" or (isinstance(before, str) and "=" in before)
        variables = variables_of(word, ()) if isinstance(word, Symbol) and free else []
        yield from [(v, place) for v in variables] or [(word, place)]
        before = word


def variables_of(word: Symbol, flags: tuple[str, ...] = ("-e", "--env")) -> list[Text]:
    """What words in an unknown order set, where each group of them is ``-e NAME=VALUE``.

    Without *flags*, where it is ``NAME=VALUE``. Each sets another variable, so that their order
    makes no difference. Empty for all others.
    """
    found: dict[str, Text] = {}
    for group in word.shuffled:
        match group:
            case (flag, value) if flag in flags:
                pass
            case (str(value),) if flags and value.startswith("--env="):
                value = value.removeprefix("--env=")
            case (value,) if not flags:
                pass
            case _:
                return []
        text = value if isinstance(value, str) else value.text
        name = re.match(r"([A-Za-z_]\w*)=", text, re.ASCII)
        if name is None or (isinstance(value, Symbol) and value.splits):
            return []
        found[name[1]] = value
    return list(found.values()) if len(found) == len(word.shuffled) else []
