bash -s -- one <<'EOF'
python3 -m sglang.launch_server "$1" "$#"
EOF
