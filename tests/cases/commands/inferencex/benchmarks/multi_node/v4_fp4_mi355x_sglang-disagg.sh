#!/usr/bin/env bash
# It submits a job by submit.sh.
source "$(dirname "$0")/../lib.sh"
bash ./submit.sh $PREFILL_NODES $DECODE_NODES
