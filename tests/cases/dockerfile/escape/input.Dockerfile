# syntax=docker/dockerfile:1
# escape=`

FROM x
ENV A=a`
b C="d`"e" `
  G=1
env H=${A:-x} I=${NOPE:+y} J=${A:+z} K="$H"
CMD python3 `
  # a comment

  -m sglang.launch_server --a "$A"
