"""
Files written whole or not at all, and read without trusting what they say about themselves.

In come paths with bytes or arrays. Out come the files (`atomic`, `npz`, `safetensors`), and arrays
from such files, or an error that names the file.
"""
