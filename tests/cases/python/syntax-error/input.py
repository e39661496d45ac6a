ENV = {"A": "1"
popen_launch_server("m", "u", 600)
