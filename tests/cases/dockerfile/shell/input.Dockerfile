FROM x
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV SGLANG_A=1
CMD export B=${SGLANG_A}2 && exec sglang serve --b "$B" --c ${C:-3}
