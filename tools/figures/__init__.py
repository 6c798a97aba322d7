"""The figures of the documentation, measured and drawn: one module each, run by draw_figures.py."""
