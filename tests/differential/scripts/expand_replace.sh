P="a/b/c a"
python3 -m sglang.launch_server "${P/a/X}" "${P//a/X}" "${P/#a/X}" "${P/%a/X}" "${P//\//-}" "${P// /}" "${P/b}" "${P//[ab]/_}" "${P//a/"$P"}"
V=x.y.z
python3 -m sglang.launch_server "${V//./}" ${V//./ } "${V/./'q'}" "${V//?/&}"
