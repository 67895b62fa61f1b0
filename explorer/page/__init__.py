"""The page, panel by panel: the only part that imports Streamlit."""
