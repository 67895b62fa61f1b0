"""The guideline lab: ShuffleNetV2's experiments G1 to G4 as things to predict, run and compare. No Streamlit here."""
