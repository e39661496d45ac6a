trap 'sglang serve --err $?' ERR
f() { return 3; }
f
set -o errtrace
g() { false; echo; }
g
x=$(false)
[[ a = b ]]
((0))
[ a = b ] && :
false | true
true | false
(exit 4)
