"""The lab's pages: the four guidelines, a design of one's own, the class, and the article's other lessons."""
