offloads() { [ "$KV_OFFLOADING" != none ] && [ -n "$KV_OFFLOADING" ]; }
