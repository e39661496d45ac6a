ENVS=(-e A=1 -e "B=two words")
VOL="-v /a:/a -v /b:/b"
docker run "${ENVS[@]}" $VOL --network=host img:1 sglang serve --host 0.0.0.0
