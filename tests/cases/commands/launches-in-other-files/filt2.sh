sed "s/4/8/" <<E | bash
sglang serve --tp 4
E
