FROM x
RUN <<-"ONE" cat <<TWO
	ENV A=wrong
	ONE
CMD ["sglang", "serve", "--wrong"]
TWO
COPY <<EOF /x
FROM y
EOF
CMD ["sglang", "serve", "--it's \"quoted\""]
HEALTHCHECK CMD sglang serve --no
