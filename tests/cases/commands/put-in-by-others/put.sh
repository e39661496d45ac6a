parallel sglang serve --tp {} ::: 1 2
find . -name run.sh -exec sglang serve --cfg {} \;
a=(one two); sglang serve --tp $a[2]
