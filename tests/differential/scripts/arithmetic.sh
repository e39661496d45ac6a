A=5 B=3
export SUM=$((A + B)) MUL=$(( $A * B )) DIV=$((A / B)) MOD=$((-A % B)) POW=$((A ** 2)) SHIFT=$((1 << 10))
((A++))
((B += 10)) || true
let C=A*2 D=C+1
python3 -m sglang.launch_server $A $B $C $D $((A > B ? 1 : 2)) $((0x1f)) $((010)) $((2#101)) $((!A)) $((A & 3 | 8)) $((~0)) $((A++ + ++A)) $A $((A == 8 && B)) $((NOPE + 1)) $((A, B)) $(( (A+1)*-1 ))
