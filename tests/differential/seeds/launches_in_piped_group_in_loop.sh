for C in "" x; do
{
python3 -m sglang.launch_server "$C"
} | cat
done
