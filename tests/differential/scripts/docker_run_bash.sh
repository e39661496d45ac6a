PORT=30001
docker run --rm -e OUTER=1 img:tag bash -c "
  export INNER=2
  python3 -m sglang.launch_server --port $PORT --outer \$OUTER
"
docker run --rm -it --entrypoint sglang img:tag serve --model-path /m
