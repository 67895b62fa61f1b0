"""ATen calls, as torch.export and the ONNX reader give them, to the operators of the IR."""
