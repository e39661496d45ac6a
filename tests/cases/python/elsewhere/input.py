import subprocess

import modal

image = modal.Image.from_registry("org/image").env({"A": "1"})
app = modal.App("name", image=image)


@app.function(gpu="B200:8")
@modal.web_server(8000)
def serve():
    command = ["python3", "-m", "sglang.launch_server", "--tp", "8"]
    subprocess.Popen(" ".join(command), shell=True)
