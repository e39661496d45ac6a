# escape=\
ARG BASE=rocm
ARG TAG
FROM $BASE:${TAG:-x} AS one
ARG TP=8
ARG BASE
ENV A=1 B="x y" \
    # comment
    C=$TP D='$A' E=a\ b \
    F=${A}z
ENV A=2 G=$A$PATH
ENV OLD some "thing" $A
RUN <<EOF
ENV A=9
EOF
CMD ["--tp", "8"]
FROM one as two
ENTRYPOINT ["python3", "-m", "sglang.launch_server"]
CMD ["--model", "$A", \
  "--x"]
FROM one
CMD export Q=1; exec python3 -m sglang.launch_server --tp $TP \
   --a "$A"
