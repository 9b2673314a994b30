"""One folder per venue, the same file names in each; codecs are pure."""
