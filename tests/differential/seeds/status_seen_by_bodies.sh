# What $? is in the body of a case, and in the later commands of a pipeline.
false
case x in *) sglang serve 1 "$?" ;; esac
false
: | sglang serve 2 "$?"
false
case $(exit 3) in *) sglang serve 3 "$?" ;; esac
false
case x in *) ;; esac
sglang serve 4 "$?"
false
case x in y) ;; esac
sglang serve 5 "$?"
readonly C=a
export C
bash -c 'C=b sglang serve "$C"'
