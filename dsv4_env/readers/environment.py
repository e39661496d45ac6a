"""The current environment read as a LaunchConfig, through pydantic-settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dsv4_env.met import meet
from dsv4_env.model import EnvVar, LaunchConfig, Note, Origin

# Who owns which variables: what a launch of SGLang on AMD GPUs may be decided by.
PREFIXES = (
    "AITER_",
    "DEEPSEEK_V4_",
    "GPU_",
    "HF_",
    "HIP_",
    "HSA_",
    "NCCL_",
    "RCCL_",
    "ROCM_",
    "SGLANG_",
    "SGL_",
    "TORCH_",
    "TRITON_",
    "VLLM_",
)


def read(environ: Mapping[str, str], names: Collection[str] = ()) -> LaunchConfig:
    """The variables of *environ* that are in *names* or belong to SGLang and what it stands on.

    An environment holds no server arguments: ``args`` is None.
    """
    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

    class Environ(PydanticBaseSettingsSource):
        """pydantic-settings reads one variable per field; here each variable is an item."""

        def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
            return self()[field_name], field_name, False

        def __call__(self) -> dict[str, Any]:
            wanted = {n: v for n, v in environ.items() if n in names or n.startswith(PREFIXES)}
            return {"env": wanted}

    class CurrentEnvironment(BaseSettings):
        env: dict[str, str] = {}

        @classmethod
        def settings_customise_sources(  # type: ignore[override]
            cls, settings_cls: type[BaseSettings], **_: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (Environ(settings_cls),)

    found = CurrentEnvironment().env
    env = tuple(EnvVar(n, v, Origin("environment", value=v)) for n, v in sorted(found.items()))
    note = Note("an environment holds no server arguments, so none were compared")
    config = LaunchConfig("the current environment", "environment", env, None, notes=(note,))
    meet(config)
    return config
