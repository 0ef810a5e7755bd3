"""The tool that runs the course and looks after it: python -m course."""
