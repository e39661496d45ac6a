TP=8
export LOCAL_ONLY=1
ssh -o StrictHostKeyChecking=no user@node1 "export A=1; python3 -m sglang.launch_server --tp $TP --a \$A"
ssh node2 sglang serve --x 'a b'
