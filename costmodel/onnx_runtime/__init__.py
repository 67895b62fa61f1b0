"""ONNX Runtime on the CPU as a runtime beside eager PyTorch. Start with `costmodel/onnx_runtime/README.md`."""
