X=outer
export Y=exported
bash <<EOF
python3 -m sglang.launch_server --x "$X" --y "\$Y"
EOF
bash -s -- one <<'EOF'
python3 -m sglang.launch_server --x "$X" --y "$Y" "$1"
EOF
