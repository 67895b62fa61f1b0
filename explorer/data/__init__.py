"""What the figures stand beside: published networks, accuracy, profiles, the model zoos."""
