"""Graph to graph: batch-norm folding, surgery, and the trained weights that follow."""
