# In `else`, $? is still the test's; an eval of nothing succeeds.
if false; then :; else export A=$?; fi
if [[ -n $U ]]; then :; else eval 'export B=$?'; fi
false
eval " "
sglang serve $?
