"""Lists for programs that read everything: filtered, ordered and paged within what the viewer may see."""
