#!/bin/bash
# inputs: HF_TOKEN=t GPU_ARCH=gfx950
set -e
IMAGE="rocm/sgl-dev:v0.5-${GPU_ARCH:-gfx942}"
DEVICES="--device=/dev/kfd --device=/dev/dri"
ENV_FLAGS=()
for name in HF_TOKEN GPU_ARCH; do
  ENV_FLAGS+=(-e "$name=${!name}")
done
docker pull "$IMAGE"
docker run -dt --name ci_sglang $DEVICES --group-add video --shm-size 32g \
  --cap-add=SYS_PTRACE "${ENV_FLAGS[@]}" -e SGLANG_IS_IN_CI=1 "$IMAGE"
docker exec -w /sglang -e SGLANG_USE_AITER=1 ci_sglang \
  bash -c "pip install -e . && python3 -m sglang.launch_server --model-path /m --tp 8 --arch $GPU_ARCH"
