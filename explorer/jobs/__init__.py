"""Long work in processes of its own, with progress and a stop."""
