import os
import subprocess
from pathlib import Path

import dsv4_env
from dsv4_env import load_profile, profile_names

HERE = Path(__file__).resolve().parent
SMALL = load_profile("small", HERE / "launch")


def test_whole():
    popen_launch_server(
        SMALL.model_path(os.environ),
        "u",
        SMALL.launch_timeout_seconds,
        other_args=SMALL.server_args,
        env=SMALL.launch_env(os.environ),
    )


def test_changed():
    SMALL.server_args.append("--lost")  # a new list each time
    env = {**SMALL.env, "C": "3"}
    env["A"] = "0"
    del env["B"]
    popen_launch_server("m", "u", 1, other_args=[*SMALL.server_args, "--tp", "4"], env=env)


def test_command():
    found = dsv4_env.load_profile("small", folder="launch")
    command = found.command(port=3, host=found.get("model", "path"))
    subprocess.Popen(command, env=found.launch_env({"OWN": found.name}))


def test_unknown():
    for name in profile_names("launch"):
        if name.startswith("sm"):
            popen_launch_server("m", "u", 1, other_args=load_profile(name, "launch").server_args)
    gone = load_profile("smal", "launch")
    popen_launch_server("m", "u", 1, other_args=gone.server_args, env=gone.env)


def test_elsewhere():
    popen_launch_server("m", "u", 1, other_args=load_profile("small", "/elsewhere").server_args)
