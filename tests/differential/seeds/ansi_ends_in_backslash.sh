# The second line ends where it seems to.
nohup sglang serve -${1@Q}$'\\' 2>&1 | cat
sglang serve \a\.\'"*" > log.txt 2>&1
