export A=1
export B=2
export A=3
env C=4 sglang serve --x --x
