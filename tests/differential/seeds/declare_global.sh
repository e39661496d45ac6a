# `declare -g` is about the global variable, whatever local one hides it.
g() {
  local B=local
  declare -gx B
  sglang serve "$B"
  declare -g B=global
  sglang serve "$B"
  declare -gx C=1
}
A=t g
sglang serve "$B"
