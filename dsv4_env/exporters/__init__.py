"""Exporters: each writes a LaunchConfig for one kind of reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dsv4_env.exporters import containers, data, disaggregated, files, shells
from dsv4_env.exporters.disaggregated import ROLES, Roles, in_role
from dsv4_env.exporters.known import MODEL_FLAGS, ExportOptions, NotReferringError
from dsv4_env.model import LaunchConfig, Origin, ServerArg
from dsv4_env.model.errors import ExportError

_NODE_FLAGS = ("--nnodes", "--node-rank", "--dist-init-addr", "--nccl-init-addr")


DEFAULTS = ExportOptions()


@dataclass(frozen=True, slots=True)
class Exporter:
    """A format: its name on the command line, what it is for, what it holds and takes.

    *function* writes it; *holds* is ``env``, ``args`` or ``env args``;
    *takes* names the fields of ExportOptions that it uses beside those of the arguments.
    *complete*: it starts a server, so it needs a model; *container*: in one, which has to listen
    to the outside. *failure* is what a failed command prints to fail the shell that reads it.
    *refers*: it can say that a variable comes from the environment. *roles* writes all roles of
    disaggregated serving at once.
    """

    name: str
    summary: str
    function: Callable[..., str]
    holds: str = "env"
    takes: str = ""
    complete: bool = False
    container: bool = False
    failure: str = ""
    refers: bool = False
    roles: Callable[[Roles, ExportOptions], str] | None = None

    @property
    def options(self) -> frozenset[str]:
        """The options of the command line that it takes."""
        own = {*self.takes.split()}
        return frozenset(
            own | ({"model", "host", "port"} if "args" in self.holds else set())
            | ({"diff_only"} if "env" in self.holds else set())
            | ({"pd_disaggregation"} if self.roles else set())
        )  # fmt: skip

    @property
    def takes_options(self) -> bool:
        """Whether its function has the second of the two shapes."""
        return bool(self.takes)

    def __call__(self, config: LaunchConfig, options: ExportOptions = DEFAULTS) -> str:
        """Write the config in this format. Raises ExportError for what it can't carry."""
        if options.unset and "unset" not in self.takes:
            raise ExportError(f"{self.name} can't unset variables", expected="a format for a shell")
        if "args" in self.holds:
            config = self._launched(config, options)
        try:
            return self.function(config, options) if self.takes_options else self.function(config)
        except NotReferringError as exc:
            able = ", ".join(name for name, other in EXPORTERS.items() if other.refers)
            exc.expected = f"a format that can: {able}"
            raise

    def together(
        self, prefill: LaunchConfig, decode: LaunchConfig, options: ExportOptions = DEFAULTS
    ) -> str:
        """Write both roles and their router, which has the host and the port of the options.

        Raises ExportError for what the format can't carry.
        """
        if self.roles is None:
            able = ", ".join(name for name, other in EXPORTERS.items() if other.roles)
            raise ExportError(f"{self.name} holds one server", expected=f"one of {able}")
        launches: list[LaunchConfig] = []
        for role, config in zip(ROLES, (prefill, decode), strict=True):
            # Its router reaches it from outside.
            own = replace(options, host=None, port=None)
            launches.append(self._launched(in_role(config, role), own, outside=True))
        reached = {"host": options.host, "port": options.port}
        given = {key: value for key, value in reached.items() if value is not None}
        return self.roles(Roles(*launches, **given), options)  # type: ignore[arg-type]

    def _launched(
        self, config: LaunchConfig, options: ExportOptions, *, outside: bool = False
    ) -> LaunchConfig:
        """The launch with the model, host and port that are asked for, once each."""
        args = list(config.args or ())
        flags = {a.flag for a in args}
        gone: set[str] = set()
        gone |= set(MODEL_FLAGS) if options.model is not None else set()
        gone |= {"--host"} if options.host is not None else set()
        gone |= {"--port"} if options.port is not None else set()
        gone |= set(_NODE_FLAGS) if options.nodes > 1 else set()
        args = [a for a in args if a.flag not in gone]
        port = None if options.port is None else str(options.port)
        if options.model is not None:
            args.insert(0, _asked("--model-path", options.model))
        if (self.container or outside) and options.host is None and "--host" not in flags:
            everywhere = "0.0.0.0"  # noqa: S104  # inside, only the container's own is reached
            why = "to be reached from outside the container"
            args.append(_asked("--host", everywhere, why if self.container else "for the router"))
        given = ("--host", options.host), ("--port", port)
        args += [_asked(flag, value) for flag, value in given if value is not None]
        if self.complete and not any(a.flag in MODEL_FLAGS for a in args):
            raise ExportError(
                f"{config.name} names no model, and {self.name} starts a server",
                expected="--model MODEL",
            )
        return replace(config, args=tuple(args))


def _asked(flag: str, value: str, why: str = "asked for at the export") -> ServerArg:
    return ServerArg(flag, (value,), Origin(why, value=value))


_FALSE = "false"
_NO_WORDS = "--dsv4-env-export-failed )"  # a syntax error for a shell, no option for a program
# Whoever goes on all the same has no arguments of before, and no server that starts without any.
_NO_ARGS = f"{shells.ARRAY}=(--dsv4-env-export-failed); false"
_FULL = "env args"
_NOTES = "prefix_comment"

EXPORTERS: dict[str, Exporter] = {
    e.name: e
    for e in (
        Exporter("shell", 'sh, bash, dash, zsh: eval "$(…)"', shells.posix,
                 takes=f"{_NOTES} unset", failure=_FALSE, refers=True),
        Exporter("bash", 'bash: eval "$(…)"; then … "${ARGS[@]}"', shells.bash, _FULL,
                 f"{_NOTES} unset", failure=_NO_ARGS, refers=True),
        Exporter("fish", "… | source", shells.fish, takes=f"{_NOTES} unset", failure=_FALSE,
                 refers=True),
        Exporter("powershell", "… | Out-String | Invoke-Expression", shells.powershell,
                 takes=f"{_NOTES} unset", failure="throw 'dsv4-env: the export failed'",
                 refers=True),
        Exporter("csh", 'tcsh: eval "`…`"', shells.csh, takes=f"{_NOTES} unset", failure=_FALSE,
                 refers=True),
        Exporter("dotenv", "a .env as python-dotenv reads it", files.dotenv, takes=_NOTES),
        Exporter("docker-env", "docker run --env-file", files.docker_env, takes=_NOTES,
                 refers=True),
        Exporter("docker-run", "the --env flags of docker run, as one shell-quoted line",
                 containers.docker_run, failure=_NO_WORDS, refers=True),
        Exporter("compose", "a compose.yaml with one service", containers.compose, _FULL,
                 f"{_NOTES} image name", complete=True, container=True, refers=True,
                 roles=disaggregated.compose),
        Exporter("github-env", 'later steps of a job: … >> "$GITHUB_ENV"', files.github_env,
                 takes="delimiter"),
        Exporter("systemd", "EnvironmentFile= of a unit", files.systemd, takes=_NOTES),
        Exporter("k8s-env", "the env of a container", containers.k8s_env, takes=_NOTES,
                 refers=True),
        Exporter("k8s-configmap", "a ConfigMap for envFrom", containers.k8s_configmap,
                 takes=f"{_NOTES} name"),
        Exporter("k8s-pod", "a Pod", containers.k8s_pod, _FULL,
                 f"{_NOTES} image name", complete=True, container=True, refers=True),
        Exporter("k8s-lws", "a LeaderWorkerSet of several nodes", containers.k8s_lws, _FULL,
                 f"{_NOTES} image name nodes", complete=True, container=True, refers=True,
                 roles=disaggregated.k8s_lws),
        Exporter("slurm", "an sbatch script, for one node or several", shells.slurm, _FULL,
                 f"{_NOTES} name nodes", complete=True, failure=_FALSE, refers=True,
                 roles=disaggregated.slurm),
        Exporter("run-sh", "a script that starts the server, and hands on its own arguments",
                 shells.run_sh, _FULL, _NOTES, complete=True, failure=_FALSE, refers=True),
        Exporter("python", "the dict ENV_VARS and the list OTHER_ARGS of a test file",
                 data.python_file, _FULL, _NOTES, refers=True),
        Exporter("args", "the server arguments as one shell-quoted line", data.args_line, "args",
                 failure=_NO_WORDS),
        Exporter("args-nul", "the server arguments, each ended by a NUL: xargs -0, mapfile -d ''",
                 data.args_nul, "args"),
        Exporter("args-json", "the server arguments as a JSON array", data.args_json, "args"),
        Exporter("json", '{"env": {…}, "args": […]}', data.env_and_args, _FULL),
        Exporter("toml", "the [env] and [args] of a profile layer", data.toml_layer, _FULL,
                 _NOTES, refers=True),
        Exporter("sglang-config", "a file for sglang.launch_server --config (name it .yaml)",
                 data.sglang_config, "args", _NOTES, complete=True),
        Exporter("vscode", "a launch.json that starts the server in VS Code's debugger",
                 data.vscode, _FULL, "name", complete=True, refers=True),
    )
}  # fmt: skip

__all__ = ["DEFAULTS", "EXPORTERS", "MODEL_FLAGS", "ROLES", "ExportOptions", "Exporter"]
