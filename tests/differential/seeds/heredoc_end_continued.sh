# The end of the here-document is joined to the line before it, so it's none.
sglang serve --before
A=$(cat <<END
 a\
END
)
sglang serve --never
