printf -v A '%s-%02d' x 7
printf -v B '%s,' 1 2 3
printf -v C '%q' 'a b'
printf -v D '%d%%' 50
printf -v E 'a\tb'
export A B C D E
python3 -m sglang.launch_server "${B%,}"
