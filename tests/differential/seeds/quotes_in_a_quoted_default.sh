# inputs: SET=x}y
A="${NOT:-$'a\tb'}${NOT:-'}'}${NOT:-'b}'c}"
python3 -m sglang.launch_server --sep "$A" "${SET#'x}'}" "${NOT:-"b c"}"
