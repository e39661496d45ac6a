import os
from dataclasses import dataclass, field
from typing import List, Optional


@dataclass
class ModelConfig:
    model_path: str
    tp_size: int = 8
    other_args: Optional[List[str]] = None
    env_vars: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.other_args is None:
            self.other_args = []


MODELS = [
    ModelConfig(
        model_path="one",
        other_args=["--x"],
        env_vars={"A": "1"},
    ),
    ModelConfig("two", tp_size=4),
]


class TestModels(CustomTestCase):
    def test_models(self):
        for config in MODELS:
            with self.subTest(model=config.model_path):
                env = os.environ.copy()
                for key, value in config.env_vars.items():
                    env[key] = value
                other_args = list(config.other_args)
                other_args.extend(["--tp", str(config.tp_size)])
                try:
                    process = popen_launch_server(
                        model=config.model_path,
                        base_url=self.base_url,
                        timeout=600,
                        other_args=other_args,
                        env=env,
                    )
                    if evaluate(process) < 0.9:
                        raise AssertionError("wrong")
                except Exception as error:
                    print(error)
