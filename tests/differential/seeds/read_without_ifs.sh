# Where IFS is unset, words are split at blanks, and read strips them.
unset IFS
read -r A <<< '  a b '
sglang serve "$A"
