"""Live feeds: channels of the venues joined into one stream of frames."""
