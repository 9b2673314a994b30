"""Finding markets: looks at the venues, the search and the watch of one."""
