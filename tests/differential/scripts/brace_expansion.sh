python3 -m sglang.launch_server {a,b}{1,2} {1..3} {3..1} {01..03} {a..e..2} x{,y}z {single} "{a,b}" {a,"b c"} '{'a,b} -{-p,-q}=1 {1..10..4}
V=9
python3 -m sglang.launch_server {1..$V} {$V,8} {a,{b,c}} a{b}c {,} \{a,b\}
