# unset undoes an assignment before the call, or the local variable of a caller.
A=glob
f() { unset A; sglang serve 1 "${A-unset}"; unset A; sglang serve 2 "${A-unset}"; }
A=t f
sglang serve 3 "${A-unset}"
A=glob
f() { A=x; unset A; sglang serve 1 "${A-unset}"; }
A=t f
sglang serve 3 "${A-unset}"
f() { local A=l; unset A; sglang serve 1 "${A-unset}"; unset A; sglang serve 2 "${A-unset}"; }
A=t f
sglang serve 3 "${A-unset}"
g() { unset A; sglang serve g1 "${A-unset}"; }
f() { local A=l; g; sglang serve f1 "${A-unset}"; A=z; }
f
sglang serve 3 "${A-unset}"
f() { unset A; A=new; sglang serve 4 "${A-unset}"; }
A=t f; sglang serve 3 "${A-unset}"
f() { unset A; export A=new2; sglang serve 6; }
A=t f; sglang serve 3 "${A-unset}"
export -n A
f() { local A; sglang serve 7 "${A-unset}"; unset A;  sglang serve 8 "${A-unset}"; }
A=t f; sglang serve 3 "${A-unset}"
f() { local A=l; export A=new2; sglang serve 9; }
A=t f; sglang serve 3 "${A-unset}"
f() { local A=l; h; sglang serve 10 "${A-unset}"; }
h() { local A=m; i; sglang serve 11 "${A-unset}"; }
i() { unset A; sglang serve 12 "${A-unset}"; unset A; sglang serve 13 "${A-unset}"; unset A; sglang serve 14 "${A-unset}"; }
f
