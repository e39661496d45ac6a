FROM scratch AS exec
ENTRYPOINT ["python3", "-m", "sglang.launch_server"]
CMD ["--tp", "8"]
FROM scratch
CMD ["--old"]
ENTRYPOINT ["sglang", "serve"]
FROM exec
CMD --shell $A
FROM exec
ENTRYPOINT sglang serve --x
CMD ["--dropped"]
FROM exec
ENTRYPOINT ["sglang", "serve", "--mine"]
