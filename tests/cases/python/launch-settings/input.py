from sglang.test.test_utils import ModelLaunchSettings

BASE = ["--trust-remote-code"]


class TestModels(CustomTestCase):
    def test_models(self):
        variants = [
            ModelLaunchSettings("one", tp_size=8, extra_args=BASE + ["--mtp"], env={"A": "1"}),
            ModelLaunchSettings("two", extra_args=BASE),
        ]
        run_combined_tests(models=variants)
