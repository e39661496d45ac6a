export A=1 B=2
env C=3 "D=d d" python3 -m sglang.launch_server --env
env -u A python3 -m sglang.launch_server --unset
env -i PATH="$PATH" E=5 sglang serve --clean
env --unset=B F=6 bash -c 'python3 -m sglang.launch_server "$F" "${B-nob}"'
