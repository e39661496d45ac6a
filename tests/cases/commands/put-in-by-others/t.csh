#!/bin/tcsh
setenv SGLANG_USE_AITER 1
sglang serve --tp 8
