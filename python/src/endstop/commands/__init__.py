"""What `python -m endstop` and the script `endstop` do besides the demo."""
