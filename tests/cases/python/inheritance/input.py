class Mixin:
    extra = ["--mixin"]


class Base(CustomTestCase):
    model = "base"
    extra = ["--base"]
    env = {"A": "1"}

    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server(
            cls.model, "u", 600, other_args=["--tp", "8", *cls.extra], env=cls.env
        )


class TestOne(Mixin, Base):
    model = "one"

    def test_it(self):
        pass


class TestTwo(Base):
    model = "two"
    env = {**Base.env, "B": "2"}

    @classmethod
    def setUpClass(cls):
        cls.extra = [*cls.extra, "--two"]
        super().setUpClass()

    def test_it(self):
        pass
