f() { sglang serve --tp "$1"; }
export -f f
TP=8
cat > start.sh <<X
#!/usr/bin/env bash
export SGLANG_USE_AITER=1
exec sglang serve --tp $TP "\$@"
X
chmod +x start.sh
./start.sh --a 1
bash start.sh --b 2
bash -x ./start.sh --c 3
{ echo '#!/bin/bash'; echo "sglang serve --tp $TP"; } > two.sh
echo "sglang serve --more" >> two.sh
bash < two.sh
. ./two.sh
printf 'sglang serve %s\n' --p >three.sh; sh three.sh
echo "export SGLANG_E=5" | tee env.sh >/dev/null
source ./env.sh
sglang serve --env
printf '%s\n' a b | xargs sglang serve --xa
printf '%s\n' a b | xargs -n 1 sglang serve --xn
echo 8 | xargs -I{} sglang serve --tp {}
env -S 'A=1 sglang' serve --s
