"""Parts that panels are made of, with the browser's side of them."""
