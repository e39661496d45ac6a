f() { python3 -m sglang.launch_server --x "$X"; }
X=temp f
X=perm
f
export X
f
g() { X=changed; export ONLY_G=1; }
Z=1 g
f
