# inputs: A=in
# Two assignments on a line with a here-document behind them: the grammar takes them for one.
A=\"\'\> B=$A
read -r A <<EOF
\\${B:-x}
EOF
sglang serve "$A" "$B"
export IN2
bash -c '(
IN2=
env sglang serve
)'
