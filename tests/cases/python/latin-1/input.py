# -*- coding: latin-1 -*-
popen_launch_server("m", "u", 600, env={"A": "é", "B": "2"})
