# What a shell ends with is known where its text is.
bash -c 'let 0' || export A=failed
bash -c 'exit 7'
sglang serve $?
set -e
bash -c 'true'
bash -c '[ a = b ]'
sglang serve --never
