JOB=$(mktemp "${TMPDIR:-/tmp}/job-XXXX.sh")
cat > "$JOB" <<-S
	export SGLANG_USE_AITER=1
	python3 -m sglang.launch_server --tp 8
	S
bash < "$JOB"
rm -f "$JOB"
