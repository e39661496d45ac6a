MODE = "fp4"
match MODE:
    case "fp4" | "fp6":
        ENV = {"A": "4"}
    case _:
        ENV = {"A": "8"}
popen_launch_server("m", "u", 600, env=ENV)
