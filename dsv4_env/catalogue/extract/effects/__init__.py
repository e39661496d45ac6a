"""What SGLang makes of a launch by itself: its resolution of arguments, taken out of its source."""
