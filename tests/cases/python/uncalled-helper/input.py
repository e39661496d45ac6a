def launch(model, env, args=("--tp", "8")):
    return popen_launch_server(model, "u", 600, other_args=[*args, "--x"], env={"A": "1", **env})
