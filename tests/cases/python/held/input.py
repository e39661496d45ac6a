import os

COMMON = {"SGLANG_USE_AITER": "1"}
ENV_VARS: dict[str, str] = {**COMMON, "HF_TOKEN": os.environ["HF_TOKEN"], "SGLANG_LOG": level()}

OTHER_ARGS = ["--tp", "8", *more()]

if os.environ.get("FP8"):
    ENV_VARS["SGLANG_DSV4_FP4_EXPERTS"] = "false"
