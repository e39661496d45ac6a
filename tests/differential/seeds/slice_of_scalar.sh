# ${M[@]:1} of a variable that is no array cuts its text; where nothing is left, there's no word.
M=tail
sglang serve "${M[@]:1}" ${M[*]:1:2} "${M[@]: -1}" "${M[@]:9}" "${M[*]:9}" "${U[@]:1}" "${U[*]:1}"
M="a b c"
sglang serve ${M[@]:1} "${M[@]:1:-1}"
