# printf fails where a number is none, or an option isn't known.
printf -v A %d 12z
sglang serve "$?"
printf -v A %d 0x1f
sglang serve "$?" "$A"
printf -v A %d ''
sglang serve "$?" "$A"
printf -q x
sglang serve "$?"
for N in ' 5' ' ' '5 ' 010 08 0x1f +7 1.5 $'A\n'; do
    printf -v A %03d "$N"
    sglang serve "$?"
done
printf -v A '%d|%5d|%-5d|%05d|%x|%X|%o|%i|%u' -3 42 42 42 255 255 8 010 7
sglang serve "$A"
