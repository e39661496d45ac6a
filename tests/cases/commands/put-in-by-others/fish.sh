#!/usr/bin/env fish
set -x SGLANG_USE_AITER 1
set TP 4
sglang serve --tp $TP
