# inputs: A=a
# Nothing is split, but what is empty is no word.
IFS=
sglang serve ${IN2,,} ${A} $(printf %s "$IN2") x$IN2
