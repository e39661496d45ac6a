import os


class Envs:
    SGLANG_USE_AITER = EnvBool(False)
    SGLANG_OF_THIS_TREE = EnvInt(7)
    SGLANG_DEFAULT_THINKING = EnvBool(True)


envs = Envs()
