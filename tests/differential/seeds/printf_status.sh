# printf fails where a number is none, or an option isn't known.
printf -v A %d 12z
sglang serve "$?"
printf -v A %d 0x1f
sglang serve "$?" "$A"
printf -v A %d ''
sglang serve "$?" "$A"
printf -q x
sglang serve "$?"
