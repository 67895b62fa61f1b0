"""What a user does with devices: the kit to time one's own, and comparisons. Fitting is `costmodel.devices`."""
