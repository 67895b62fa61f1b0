"""The browser side of the page: JavaScript, CSS and their loader. The README describes the event protocol."""
