pushd "$(dirname "${BASH_SOURCE[0]:-$0}")" > /dev/null
source common.env
popd
sglang serve --tp $TP
