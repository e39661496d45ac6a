"""Languages that launches are written in: read and followed without running anything."""
