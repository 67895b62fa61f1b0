"""The lessons' pages: `lesson` has what they share, the others are one article or subject each."""
