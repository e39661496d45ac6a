class ServerArgs:
    @staticmethod
    def add_cli_args(parser):
        parser.add_argument("--model-path", "--model", type=str, required=True)
        parser.add_argument("--tensor-parallel-size", "--tp-size", "--tp", type=int, default=1)
        parser.add_argument("--of-this-tree", type=str, choices=["one", "two"])
