"""What single ATen calls mean, a file per subject. The contract is in `archs.interop.aten.call`."""
