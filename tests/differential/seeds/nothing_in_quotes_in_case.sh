# bash 5.2 sees a character where an operator leaves nothing in the quotes of a case.
V=a
case "${V#a}""x" in ?) sglang serve one ;; *) sglang serve other ;; esac
case x in "${V#a}"x) sglang serve one ;; *) sglang serve other ;; esac
case "${W:-}"x in ?) sglang serve one ;; *) sglang serve other ;; esac
