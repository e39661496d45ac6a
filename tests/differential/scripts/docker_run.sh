# inputs: HF_TOKEN=secret
export PASSED=yes
IMAGE=lmsysorg/sglang:dsv4-rocm
docker run --rm -d --ipc=host --shm-size 32g --device=/dev/kfd --device /dev/dri \
  -v /models:/models -p 30000:30000 --name sgl \
  -e SGLANG_USE_AITER=1 -e HF_TOKEN --env PASSED --env=JOINED="a b" -e NOT_SET \
  $IMAGE \
  python3 -m sglang.launch_server --model-path /models/dsv4 --tp 8
