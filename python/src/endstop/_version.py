# Generated from VERSION by `dev gen`; do not edit.
__version__ = "0.1.0"
