true; A=$?
false; B=$?
(exit 7); C=$?
f() { return 4; }; f; D=$?
E=$(exit 3); F=$?
if ! f; then G=$?; fi
export A B C D F G
python3 -m sglang.launch_server
