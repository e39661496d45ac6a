cat > lib1.sh <<'X'
set -- p q r
cd lib
trap 'sglang serve --from trap-lib' EXIT
shift
X
source ./lib1.sh
sglang serve --args "$@"
cat > ./lib2.sh <<'X'
shift
A=$1
return 3
X
source ./lib2.sh one two
sglang serve --st "$?" --a "$A" --args "$@"
