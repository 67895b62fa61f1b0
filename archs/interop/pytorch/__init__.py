"""Graph to PyTorch text and module, and nn.Module to graph."""
