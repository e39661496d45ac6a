from sibling import ENV, ServerBase
from .sibling import flags


class TestServer(ServerBase):
    env = {**ENV, "B": "2"}
    other_args = flags("--tp", 8)

    def test_it(self):
        pass
