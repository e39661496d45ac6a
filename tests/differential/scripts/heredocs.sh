NAME=dsv4
cat <<EOF > config.yaml
model: $NAME
quote: "x" \$NOT
EOF
TEXT=$(cat <<'EOF'
raw $NAME
  second
EOF
)
read -r -d '' BLOCK <<-EOF
	tabbed $NAME
	more
EOF
export TEXT
python3 -m sglang.launch_server "$BLOCK"
python3 <<EOF
print("not a launch")
EOF
