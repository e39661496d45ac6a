import os

os.environ["A"] = "1"
server = popen_launch_server("m", "u", 600, other_args=["--x"])

if __name__ == "__main__":
    os.environ["B"] = "2"
    popen_launch_server("n", "u", 600)
