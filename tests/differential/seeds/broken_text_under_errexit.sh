# A shell given a text with a syntax error fails, which ends the script under set -e.
bash -c 'if'
sglang serve before
set -e
bash -c 'case a in
*) read -r C <<EOF
text
EOF ;;
esac' || true
sglang serve between
bash -c 'case a in
*) read -r C <<EOF
text
EOF ;;
esac'
sglang serve never
