"""Browser events, delivered once and in order, and what a session keeps of them."""
