sglang serve ${EXTRA:---tp 4 --page-size 256} --trust-remote-code ${MORE:---enable-metrics} ${O:---dp=2}
