# A builtin that would set a readonly name fails, and what stands before it is undone.
readonly C=1
for ((n = 0; n < 1; n++)); do
    IFS=, read -r C B <<< "a,b"
    sglang serve "$?" "$IFS$B"
done
{
    printf -v C 2
    sglang serve "$?" $((C + 1))
}
{ : $((C++)); sglang serve never; }
sglang serve "$?"
