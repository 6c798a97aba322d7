"""The command line: ``softxent COMMAND``, also ``python -m softxent COMMAND``.

One file per command; each reads its arguments, calls the library and prints. Exit status: 0 done or
verified, 1 a verification failed, 2 usage or input error, 3 a model that does not tell what is
needed of it; errors are told in one line on stderr.
"""

from softxent.cli._main import main

__all__ = ["main"]
