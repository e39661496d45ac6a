# Syntax that tree-sitter-bash takes for an error: its text is shown to it in a plainer form.
N=1 K=2 A=a
sglang serve x\	 2>&1 | cat
((K += (010, N)))
if (((1, N ? 1 : N) ^ 2)); then sglang serve "$K"; fi
C=-${B=-{a,'b c'}}
case -"${A}"\=\?\- in
    -a\=\?\-) sglang serve "$C" ;;
esac
sglang serve "`echo -''{a,'b c'}`" ${A##' '} $'' ==
[ "$A" = ] || [ a = "$A" ] && sglang serve --x=='$(' \\ # it's "so
if [[ $A == --""\( ]]; then
    sglang serve never
fi
IN=$(cat <<'EOF'
it's (a "b
EOF
)
sglang serve "$IN" "$((((N, 2) && (K | 1 ? 1 : N))))"
eval 'A="" B="${#A}"\?\; env -u A sglang serve x\	 2>&1 | cat'
