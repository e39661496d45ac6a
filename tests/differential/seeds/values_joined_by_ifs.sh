# args: '' a '' 'b ' c ''
# With a comma in front of IFS, an empty value between commas is a word.
A=("$@")
IFS=,
sglang serve $@ x
sglang serve x$* y
IFS=', '
sglang serve ${A[@]} x
sglang serve ${A[*]}y
B=$@
sglang serve "$B"
