"""The way in and out: PyTorch text and modules, torch.export programs, ONNX files."""
