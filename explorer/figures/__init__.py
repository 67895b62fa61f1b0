"""DataFrame to figure: charts, diagrams, SVG. No counting and no Streamlit."""
